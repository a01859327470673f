"""The base of every specification: what a person may write in a definition, checked before anything runs."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A frozen model that refuses unknown keys and silent conversions; it lives beside what it builds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
