"""What takes space and may go: nothing of it belongs to a run that is unfinished, or waits to be uploaded."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from overthink.settings import cache_folder
from overthink.store import tags
from overthink.store.model_trash import models_of_runs, purge_models
from overthink.store.run_lock import locked
from overthink.store.stored import StoredRun
from overthink.store.trash import files_in, own_folders, purge, trashed
from overthink.store.uri import database_file, journals_folder, state_folder

Kind = Literal["cache", "leftovers", "checkpoints", "models", "pages", "deleted"]
CACHES = ("stores", "predictions", "readable", "estimates", "plans", "sizes")
"""Folders of the cache: copies of what stores have are fetched again, files looked at and steps timed again."""
CHECKPOINTS, PAGES = ("checkpoint/*", "snapshots/*"), ("*.html", "analysis/*.html")
"""Artifacts of a run."""


@dataclass(frozen=True)
class Removable:
    """Things of one kind that may go."""

    kind: Kind
    paths: tuple[Path, ...]
    """Files, and folders with all that is in them."""
    run_ids: tuple[str, ...] = ()
    """Of deleted runs, or of the run of each model; `paths` are the folders of these."""
    waits: bool = False
    """Whether it stays for now, since runs are in progress here or wait to be uploaded."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.run_ids) or len(self.paths)

    @property
    def bytes(self) -> int:
        """What they take."""
        return sum(map(size_of, self.paths))


def removable(uri: str, runs: Sequence[StoredRun]) -> list[Removable]:
    """Return what may go, of each kind; `runs` are all runs and groups of the store.

    While something waits to be uploaded, or is being trained here, all but copies and pages waits.
    """
    waits, database = is_waiting(), database_file(uri)
    folders = own_folders(database) if database is not None and database.exists() else {}
    done = [run for run in runs if run.is_finished and run.run_id in folders]
    needed = needed_by_unfinished(runs)
    free = [run for run in done if run.run_id not in needed]
    in_trash = trashed(database) if database is not None else []
    gone = [run_id for run_id in in_trash if run_id not in needed]
    done_ids = {run.run_id for run in done}
    of_runs = models_of_runs(database) if database is not None else []
    models = [model for model in of_runs if model.run_id in done_ids]
    caches = [path for name in CACHES for path in _entries(cache_folder() / name)]
    return [
        Removable("cache", tuple(caches)),
        Removable("leftovers", tuple(_leftovers(runs)), waits=waits),
        Removable("checkpoints", _files((folders[run.run_id] for run in free), CHECKPOINTS), waits=waits),
        Removable("models", tuple(one.folder for one in models), tuple(one.run_id for one in models), waits),
        Removable("pages", _files((folders[run.run_id] for run in done), PAGES)),
        Removable("deleted", tuple(folders[one].parent for one in gone if one in folders), tuple(gone), waits),
    ]


def is_waiting() -> bool:
    """Tell whether there is a journal here: a run in progress, or results that are not in a store."""
    return bool(_entries(journals_folder()))


def needed_by_unfinished(runs: Iterable[StoredRun]) -> set[str]:
    """Return the ids of the runs that unfinished ones are built on: these need their checkpoints."""
    unfinished = [run for run in runs if not run.is_group and not run.is_finished]
    links = [link.run_id for run in unfinished for link in (run.parent, run.main) if link is not None]
    return {*links, *(run_id for run in unfinished for run_id in run.labelled_by)}


def remove(found: Removable, uri: str) -> None:
    """Delete things. Raises StoreError or OSError where one of them cannot be deleted."""
    if found.run_ids:
        from overthink.store.client import Store

        store, purged = Store(uri), purge if found.kind == "deleted" else purge_models
        for run_id in dict.fromkeys(found.run_ids):
            purged(store, run_id)
        return
    for path in found.paths:
        if found.kind != "leftovers":
            path.unlink(missing_ok=True)
        elif (lock := locked(path.name)) is not None:  # else a process trains it by now
            try:
                shutil.rmtree(path)
            finally:
                lock.release()


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_dir() and not path.is_symlink():
        return sum(map(size_of, _entries(path)))
    return path.lstat().st_size if path.exists() or path.is_symlink() else 0


def _leftovers(runs: Iterable[StoredRun]) -> list[Path]:
    """Return folders of runs that were finished elsewhere after the folder was last written to."""
    of_key: dict[str, list[StoredRun]] = {}
    for run in runs:
        if run.kind == tags.KIND_RUN:
            of_key.setdefault(run.run_key, []).append(run)
    found = []
    for folder in _entries(state_folder() / "runs"):
        same = of_key.get(folder.name, [])
        if folder.is_dir() and not folder.is_symlink() and same and all(run.is_finished for run in same):
            ended_s = max(run.ended_ms or 0 for run in same) / 1000
            if all(path.lstat().st_mtime <= ended_s for path in (folder, *folder.rglob("*"))):
                found.append(folder)
    return found


def _files(folders: Iterable[Path], patterns: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(path for folder in folders for path in files_in(folder, *patterns))


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
