"""What is read of a store: artifacts of its runs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from overthink.store.raw_run import RawRun
from overthink.store.unreadable import reading
from overthink.store.uri import without_password
from overthink.untrusted import parse_json

if TYPE_CHECKING:  # NumPy and pyarrow, which definitions alone do not need
    from overthink.predictions.course import Course
    from overthink.predictions.predictions import Predictions


class ReadableStore(ABC):
    """A store that is read: its runs and their artifacts, none of which are to be trusted."""

    uri: str

    @abstractmethod
    def tagged(self, wanted: Mapping[str, str]) -> list[RawRun]:
        """Return the active runs that have tags of these values, newest first."""

    @abstractmethod
    def experiment_tags(self, prefix: str) -> list[tuple[str, str]]:
        """Return the tags of all experiments whose names begin with a prefix: what follows it, and the value."""

    @abstractmethod
    def artifact(self, run_id: str, name: str, folder: Path) -> Path:
        """Return a local file with an artifact of a run, in a folder of its own where it has to be fetched.

        Raises MissingArtifactError where there is none, UnreadableRunError where it is no file, or too large.
        """

    @property
    def shown(self) -> str:
        """The URI without its password."""
        return without_password(self.uri)

    def text(self, run_id: str, name: str) -> str:
        """Return a text artifact of a run, which is not to be trusted; raises UnreadableRunError where it is none."""
        with TemporaryDirectory() as folder:
            path = self.artifact(run_id, name, Path(folder))
            with reading(run_id, name):
                return path.read_text(encoding="utf-8")

    def json(self, run_id: str, name: str) -> Any:
        """Return what a JSON artifact of a run holds; raises UnreadableRunError where it is none."""
        text = self.text(run_id, name)
        with reading(run_id, name):
            return parse_json(text)

    def predictions(self, run_id: str, split: str) -> "Predictions":
        """Return the predictions of a run for a split, "val" or "test"; raises UnreadableRunError for damaged ones."""
        from overthink.predictions.predictions import Predictions

        name = f"predictions/{split}.parquet"
        with TemporaryDirectory() as folder:
            path = self.artifact(run_id, name, Path(folder))
            with reading(run_id, name):
                found = Predictions.read_content(path)
                if found.split != split:
                    raise ValueError(f"it is of split {found.split}")
                return found

    def course(self, run_id: str) -> "Course":
        """Return the course that a run has recorded; raises UnreadableRunError for a damaged one."""
        from overthink.predictions.course import COURSE_FILE
        from overthink.predictions.course_file import read_course

        name = f"predictions/{COURSE_FILE}"
        with TemporaryDirectory() as folder:
            path = self.artifact(run_id, name, Path(folder))
            with reading(run_id, name):
                return read_course(path)
