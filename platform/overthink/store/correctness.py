"""Which exits of stored runs are right, read straight from the files of a store on this machine where it is one.

From any other store a whole file of predictions has to be fetched, so what was needed of it is kept: a finished run
does not change. A file that cannot be read is ignored.
"""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from overthink.atomic_file import atomic_write
from overthink.settings import cache_folder
from overthink.store import sqlite_reader
from overthink.store.artifact_files import check_file
from overthink.store.unreadable import reading
from overthink.store.uri import database_file

if TYPE_CHECKING:  # numpy, pyarrow and mlflow are imported where they are needed
    from overthink.predictions.correctness import Correctness
    from overthink.store.client import Store

FILE = "predictions/test.parquet"


class CorrectnessReader:
    """Reads the test predictions of finished runs of a store, by run id."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        database = database_file(uri)
        self._missing = database if database is not None and not database.exists() else None
        self._folders = {} if database is None else sqlite_reader.artifact_folders(database)
        self._store: Store | None = None

    def __call__(self, run_id: str) -> "Correctness":
        """Return which exits of a run are right; raises ValueError, in one sentence, where it has no predictions."""
        if self._missing is not None:  # opening the store would make one
            raise ValueError(f"run {run_id[:8]} has no stored predictions: {self._missing} does not exist")
        if run_id not in self._folders:
            return self._from_elsewhere(run_id)
        folder = self._folders[run_id]
        if not (folder / FILE).exists():
            raise ValueError(f"run {run_id[:8]} has no stored predictions")
        from overthink.predictions.correctness import read_correctness

        with reading(run_id, FILE):
            check_file(folder, FILE)
            return read_correctness(folder / FILE)

    def _from_elsewhere(self, run_id: str) -> "Correctness":
        from overthink.predictions.correctness import read_correctness
        from overthink.store.client import Store
        from overthink.store.errors import StoreError

        kept = cache_folder() / "predictions" / f"{run_id}.npz"
        if (found := _load(kept)) is not None:
            return found
        try:
            self._store = self._store or Store(self._uri)
            with TemporaryDirectory() as folder:
                path = self._store.artifact(run_id, FILE, Path(folder))
                with reading(run_id, FILE):
                    found = read_correctness(path)
        except StoreError as error:
            raise ValueError(f"the predictions of run {run_id[:8]} cannot be read ({error})") from error
        _save(kept, found)
        return found


def _load(path: Path) -> "Correctness | None":
    import numpy as np

    from overthink.predictions.correctness import Correctness

    with suppress(Exception), path.open("rb") as file:  # of a damaged file: errors of no common class
        arrays = np.load(file, allow_pickle=False)
        labels_N = arrays.get("labels_N")
        return Correctness(arrays["ids_N"], labels_N, arrays["correct_EN"])
    return None


def _save(path: Path, found: "Correctness") -> None:
    import numpy as np

    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(file, **{name: one for name, one in found._asdict().items() if one is not None})
