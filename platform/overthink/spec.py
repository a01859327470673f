"""The base class of every specification: a part of a definition, validated before anything runs."""

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticKnownError


class Spec(BaseModel):
    """A frozen pydantic model that rejects unknown keys and implicit conversions; defined next to what it builds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _whole(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise PydanticKnownError("int_type")
    return value


WHOLE = BeforeValidator(_whole)
"""For a Literal of numbers, which takes whatever equals one of them: `true` and 1.0 for 1."""
