"""The entries of a journal: what a run logs, as frozen models, parsed once where they are read from disk."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from overthink.store.group_spec import GroupSpec


class _Entry(BaseModel):
    # A metric may be infinite or no number.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")


class Begin(_Entry):
    """A run begins: the first entry of each journal."""

    do: Literal["begin"] = "begin"
    store: str
    """Identity of the store that the journal is uploaded to."""
    run_key: str
    handle: str
    run_id: str | None
    """Of a run that is in the store already and is resumed."""
    name: str
    time_ms: int
    alive: Mapping[str, str]
    """Tags that name the process which begins the run."""
    before: tuple[str, str] | None = None
    """Host and process that trained a resumed run before; None in journals of earlier versions."""
    group: GroupSpec
    tags: Mapping[str, str]
    params: Mapping[str, str] = {}
    definition: JsonValue = None
    """Of the run, resolved; like the parameters, for a run that is made. Earlier versions logged both as entries."""


class Log(_Entry):
    """Metrics (all of one step), parameters and tags."""

    do: Literal["log"] = "log"
    metrics: Mapping[str, float]
    step: int
    params: Mapping[str, str]
    tags: Mapping[str, str]
    unless_there: str | None
    """A metric: where the store has a value of it at this step, it has all of these metrics."""
    time_ms: int


class Dataset(_Entry):
    """The data that the run uses."""

    do: Literal["dataset"] = "dataset"
    name: str
    digest: str
    source: Mapping[str, JsonValue]


class Files(_Entry):
    """Artifacts."""

    do: Literal["files"] = "files"
    files: tuple[str, ...]
    """Names of kept files, relative to the journal's folder."""
    folder: str | None
    """The artifact folder."""


class Link(_Entry):
    """Another run is to link to this one, in a tag and in its description."""

    do: Literal["link"] = "link"
    of: str
    """Handle of the other run."""
    tag: str
    note: str


class Close(_Entry):
    """The run has ended: the last entry of its journal."""

    do: Literal["close"] = "close"
    outcome: str
    message: str
    time_ms: int
    handle: str


Entry = Begin | Log | Dataset | Files | Link | Close
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="do")])


def parse_entry(text: str) -> Entry:
    """Return the entry that a text holds; raises ValueError, in one clause, where it holds none of this version's."""
    try:
        return _ENTRY.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(": ".join([*map(str, first["loc"]), first["msg"]])) from error
