"""Inputs of a run, fetched into its folder before its worker starts. After that it needs nothing of the store."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.atomic_file import atomic_write
from overthink.launching.planned_run import Parent, PlannedRun
from overthink.launching.recording.run_recorder import ATTEMPTS_FILE
from overthink.outbox.run_logger import RunLogger
from overthink.running.run_files import LABELLED_BY, MAIN
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.liveness import is_this_machine, this_host
from overthink.store.stored import StoredRun
from overthink.store.unreadable import UnfetchedError, UnreadableRunError
from overthink.training.regime import (
    OWN_CHECKPOINT,
    PARENT_CHECKPOINT,
    SNAPSHOTS,
    STORED_CHECKPOINT,
    snapshot_name,
)

PREDICTIONS = "predictions/val.parquet", "predictions/test.parquet"


class RunInputs:
    """Fetches checkpoints and predictions that runs begin with, and remembers which runs they are of."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.finished: dict[str, RunLogger] = {}
        """Run key -> the logger of a run that this session has finished; its files may still be here."""
        self.parents: dict[str, str] = {}
        """Run key -> handle of the run that its first phases come from."""
        self.mains: dict[str, str] = {}
        """Run key of a policy network -> handle of its main network."""
        self.labelled_by: dict[str, tuple[str, ...]] = {}
        """Run key of a policy network -> handles of the trainings that its labels are averaged over."""

    def fetch(self, run: PlannedRun, folder: Path) -> str | None:
        """Put all that a run begins with into its folder; return the key of the run whose checkpoint it continues.

        Raises ValueError where a policy network's main network or a fork's trunk is not trained, StoreError where files
        are missing, UnfetchedError where they cannot be fetched now.
        """
        self._checkpoint(run, folder)
        self._attempts(run, folder)
        self._main(run, folder)
        self._labelled_by(run, folder)
        return self._parent(run, folder)

    def _attempts(self, run: PlannedRun, folder: Path) -> None:
        """Put what the store knows of earlier attempts at a run into its folder, where another machine made them."""
        if run.stored is None or (folder / ATTEMPTS_FILE).exists():
            return
        try:
            self._fetch(run.stored.run_id, tags.PROVENANCE_FILE, folder / ATTEMPTS_FILE)
        except UnfetchedError:
            raise
        except (StoreError, UnreadableRunError):  # killed before it was written, or somebody wrote another thing there
            self._store.ping()

    def _checkpoint(self, run: PlannedRun, folder: Path) -> None:
        """Put the store's copy of a run's checkpoint into its folder, where another machine has trained it."""
        if run.stored is None:
            return
        own = folder / OWN_CHECKPOINT
        if run.stored.forced and _is_of_the_one_before(own, run.stored):
            shutil.rmtree(folder)
            folder.mkdir()
        if own.exists() and run.stored.process.host == this_host():
            return
        try:
            self._fetch(run.stored.run_id, f"checkpoint/{OWN_CHECKPOINT}", folder / STORED_CHECKPOINT)
        except UnfetchedError:  # hours of training may be in it
            raise
        except (StoreError, UnreadableRunError):  # there is none yet, or it is no file
            self._store.ping()

    def _parent(self, run: PlannedRun, folder: Path) -> str | None:
        """Put the checkpoint that a run begins with into its folder; return its key, or None where there is none.

        A checkpoint that the store no longer has costs training those phases again, and nothing else. Raises ValueError
        where a fork's snapshot is missing, without which it is another training.
        """
        if run.parent is None or any((folder / name).exists() for name in (OWN_CHECKPOINT, STORED_CHECKPOINT)):
            return None
        source = run.parent.run_id or self.finished.get(run.parent.key)
        if run.run.seeds.fork is not None:
            self.parents[run.key] = self._snapshot(run.parent.key, source, run.run.seeds.fork.at, folder)
            return run.parent.key
        if source is None:  # it was to be trained first and did not finish: the run trains those phases itself
            return None
        try:
            self._fetch(source, f"checkpoint/{OWN_CHECKPOINT}", folder / PARENT_CHECKPOINT)
        except (OSError, StoreError, UnreadableRunError):
            return None
        self.parents[run.key] = _handle(source)
        return run.parent.key

    def _snapshot(self, trunk: str, source: RunLogger | str | None, epoch: int, folder: Path) -> str:
        """Put a trunk's snapshot into the folder of its fork; return the trunk's handle."""
        if source is None:
            raise ValueError(
                f"its trunk, run {trunk}, is not trained: it failed, diverged, or another process is training it"
            )
        try:
            self._fetch(source, f"{SNAPSHOTS}/{snapshot_name(epoch)}", folder / PARENT_CHECKPOINT)
        except (StoreError, UnreadableRunError) as error:
            self._store.ping()
            raise ValueError(
                f"its trunk, run {trunk}, has no snapshot after epoch {epoch} in the store; --force trains it again "
                f"({error})"
            ) from None
        return _handle(source)

    def _main(self, run: PlannedRun, folder: Path) -> None:
        """Put a main network's predictions and checkpoint, which a policy network learns from, into its folder.

        Raises ValueError where the main network is not trained, StoreError where the store does not have its files.
        """
        if run.main is not None:
            files = *PREDICTIONS, f"checkpoint/{OWN_CHECKPOINT}"
            self.mains[run.key] = self._of_training(run.main, files, folder / MAIN)

    def _labelled_by(self, run: PlannedRun, folder: Path) -> None:
        """Put the predictions of the trainings that labels are averaged over into folders of their run keys."""
        if run.labelled_by:
            of_all = folder / LABELLED_BY
            handles = [self._of_training(training, PREDICTIONS, of_all / training.key) for training in run.labelled_by]
            self.labelled_by[run.key] = tuple(handles)

    def _of_training(self, training: Parent, files: Sequence[str], folder: Path) -> str:
        """Put files of a training of a main network into an empty folder; return the training's handle."""
        source = training.run_id or self.finished.get(training.key)
        if source is None:
            raise ValueError(
                f"its main network, run {training.key}, is not trained: it failed, or another process is training it"
            )
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in files:
            self._fetch(source, file, folder / Path(file).name)
        return _handle(source)

    def _fetch(self, source: RunLogger | str, artifact: str, target: Path) -> None:
        """Bring an artifact of a run here: from the disk, where this session made it, else from the store."""
        kept = source.kept(artifact) if isinstance(source, RunLogger) else None
        with suppress(FileNotFoundError):  # removed a moment ago: then the store has it
            if kept is not None:
                with atomic_write(target) as unfinished:
                    shutil.copyfile(kept, unfinished)
                return
        run_id = source.run_id or source.handle if isinstance(source, RunLogger) else source
        with TemporaryDirectory() as temporary, atomic_write(target) as unfinished:
            shutil.move(self._store.artifact(run_id, artifact, Path(temporary)), unfinished)


def _is_of_the_one_before(own: Path, forced: StoredRun) -> bool:
    """Tell whether a checkpoint here is of a run that --force has restarted elsewhere.

    Where the last to train the forced run was this machine, it is that one's, whatever the clocks say.
    """
    if is_this_machine(forced.process) or not own.exists():
        return False
    return own.stat().st_mtime * 1000 < forced.started_ms


def _handle(source: RunLogger | str) -> str:
    return source.handle if isinstance(source, RunLogger) else source
