"""The base class of every specification: a part of a definition, validated before anything runs."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A frozen pydantic model that rejects unknown keys and implicit conversions; defined next to what it builds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
