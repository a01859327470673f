"""References: a policy network names its main network, a study its base, a sweep the definition that it varies."""

import json
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, model_validator

from overthink.definition.run_definition import Name
from overthink.definition.source import exists, find
from overthink.spec import Spec


class Reference(Spec):
    """One group of runs of another definition: `quickstart`, or `{definition: quickstart, variant: long}`."""

    definition: str
    """A file beside the one that refers to it, any other path, or the name of a shipped definition."""
    variant: Name | None = None
    set: dict[str, JsonValue] = Field(default_factory=dict)
    """Dotted path -> value that replaces the definition's."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, raw: Any) -> Any:
        return {"definition": raw} if isinstance(raw, str) else raw

    @property
    def overrides(self) -> list[str]:
        """`set` as `--set` would be given."""
        return [f"{path}={json.dumps(value)}" for path, value in self.set.items()]

    def file(self, source: str) -> Path:
        """Return the definition's file; `source` is the file that refers to it, optionally followed by `: some.key`.

        Raises DefinitionError where there is no such file or shipped definition.
        """
        beside = Path(source.partition(": ")[0]).parent / self.definition
        return beside if beside.suffix and exists(beside) else find(self.definition)
