"""What a run logs with: the verbs, and how a run begins. `JournalLogger` keeps what is logged on disk."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from pydantic import JsonValue

from overthink.store.group_spec import GroupSpec
from overthink.store.liveness import NO_PROCESS, RunProcess
from overthink.store.writer import Content


class RunStart(NamedTuple):
    """How a run begins: new, or as one that is in the store already and is resumed."""

    group: GroupSpec
    run_key: str
    name: str
    run_tags: Mapping[str, str]
    params: Mapping[str, str]
    run_id: str | None = None
    """Of a run that is resumed."""
    before: RunProcess = NO_PROCESS
    """The process that trained a resumed run before."""
    definition: JsonValue = None
    """Resolved."""
    earliest_ms: int = 0
    """Its start is no earlier, whatever the clock says: the newest run of a key counts."""


@runtime_checkable
class RunLogger(Protocol):
    """Logs one run. Each call raises OSError where what it logs cannot be kept."""

    handle: str
    """Names the run to others: its id in the store, or a name of its own until it has one."""

    @property
    def run_id(self) -> str | None:
        """The run's id in the store, once the store has given it one."""

    def log(
        self,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
        unless_there: str | None = None,
    ) -> None:
        """Log metrics (all of one step), parameters and tags.

        Metrics that an earlier attempt may have logged already name one of them, `unless_there`: where the store has
        that one at this step, it has them all.
        """

    def dataset(self, name: str, digest: str, source: Mapping[str, JsonValue]) -> None:
        """Log what data the run used."""

    def artifacts(self, files: Iterable[Path], folder: str | None = None) -> None:
        """Log files, as they are now, as artifacts."""

    def text(self, name: str, content: Content) -> None:
        """Log a text, or plain data as JSON, as an artifact."""

    def link(self, of: str, tag: str, note: str) -> None:
        """Have another run link to this one in a tag, and add a note to its description, once."""

    def close(self, outcome: str, message: str = "") -> None:
        """Log how the run ended; nothing follows."""

    def keep_folder(self, folder: Path) -> None:
        """Take the folder of a run that has ended, and remove it once all of the run is in the store."""

    def kept(self, artifact: str) -> Path | None:
        """Return the file of an artifact that was logged, while it is still here."""

    def is_uploading(self, artifact: str) -> bool:
        """Tell whether an artifact that was logged is not in the store yet."""
