"""A store that is deleted, replaced or full while runs train: one sentence, and the next command has the results."""

import errno
import logging
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from overthink.execution.jobs import Job
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options, Outcomes
from overthink.launching.planned_run import PlannedRun
from overthink.launching.sync import deliver
from overthink.running.events import Event
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.store.writer import Writer
from overthink.training.epoch_record import EpochRecord
from support.engines import ReplayingEngine
from support.launches import Quiet, launch_inline
from support.outages import assert_nothing_lost_or_doubled
from support.small import small


class Deleting(Quiet):
    """A listener that does something to the store once, after an epoch of the first or the second run."""

    def __init__(self, harm: Callable[[], None], epoch: int = 2, seed: str = "0") -> None:
        super().__init__()
        self._harm = harm
        self._when = epoch, seed
        self.done = False

    def on_event(self, run: PlannedRun, event: Event) -> None:
        super().on_event(run, event)
        if isinstance(event, EpochRecord) and (event.epoch, run.run.seeds.label) == self._when and not self.done:
            self.done = True
            self._harm()

    @property
    def messages(self) -> list[str]:
        return [body["message"] for body in self.bodies if body["event"] == "noted"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A store of the same runs that nothing ever happened to."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copy(empty_database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert launch_inline(Store(f"sqlite:///{folder}/mlflow.db"), [small(folder)], Options(), Quiet()).complete
    return folder


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: the operating system refuses the write, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def assert_quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing was printed, and no library logged anything."""
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr().err == ""


class Unhurried(ReplayingEngine):
    """Replays what `whole` has trained at the pace of a training, so that uploads are under way."""

    def _events(self, job: Job) -> Generator[Event, None, None]:
        for event in super()._events(job):
            time.sleep(0.2)
            yield event


def harmed(store: Store, tmp_path: Path, listener: Quiet) -> Outcomes:
    """Launch while something happens."""
    return launch(store, [small(tmp_path)], Options(), listener, Unhurried())


def launched_again(store: Store, tmp_path: Path) -> Outcomes:
    return launch_inline(store, [small(tmp_path)], Options(), Quiet())


@pytest.mark.parametrize("epoch, seed, more", [(1, "0", False), (3, "0", True), (2, "1", False)])
def test_results_of_a_deleted_store_are_in_the_one_that_the_next_command_makes(
    store: Store,
    tmp_path: Path,
    whole: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    epoch: int,
    seed: str,
    more: bool,
) -> None:
    def harm() -> None:
        (tmp_path / "mlflow.db").unlink()
        if more:
            shutil.rmtree(tmp_path / "mlruns", ignore_errors=True)

    outcomes = harmed(store, tmp_path, Deleting(harm, epoch, seed))
    assert len(outcomes.runs[tags.FINISHED]) == 2
    assert "the file was deleted or moved; the next command makes a new one" in str(outcomes.pending)
    assert "overthink sync" in str(outcomes.pending)
    assert_quiet(caplog, capfd)
    new = Store(store.uri)
    assert deliver(new, Writer(new)).queued == {}
    # What was in the store alone is lost with it, and trained again.
    assert launched_again(new, tmp_path).complete
    assert_nothing_lost_or_doubled(new, whole, tmp_path)


def test_a_full_disk_keeps_results_for_the_next_command(
    store: Store,
    tmp_path: Path,
    whole: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OVERTHINK_PATIENCE", "1")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:  # the one file that reaches the limit
        database.execute("CREATE TABLE padding AS SELECT zeroblob(?) AS bytes", (20_000_000,))
    database.close()
    with ExitStack() as full:
        listener = Deleting(lambda: full.enter_context(files_of_at_most((tmp_path / "mlflow.db").stat().st_size)))
        outcomes = harmed(store, tmp_path, listener)
    assert len(outcomes.runs[tags.FINISHED]) == 2
    assert "disk" in str(outcomes.pending)
    assert "\n" not in str(outcomes.pending)
    assert_quiet(caplog, capfd)
    assert launched_again(store, tmp_path).complete
    assert_nothing_lost_or_doubled(store, whole, tmp_path)


def test_deleted_artifacts_of_a_run_that_is_trained_are_stored_again(
    store: Store, tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def harm() -> None:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("mlruns/*/*/artifacts/provenance.json")) and time.monotonic() < deadline:
            time.sleep(0.1)
        shutil.rmtree(tmp_path / "mlruns")

    assert harmed(store, tmp_path, Deleting(harm)).complete
    assert_quiet(caplog, capfd)
    assert_nothing_lost_or_doubled(store, whole, tmp_path)


def test_a_store_whose_folder_cannot_be_read_any_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("overthink.store.connection.file_number", refused)
    with pytest.raises(StoreError, match=r"^store sqlite:///.*mlflow.db: Permission denied$"):
        store.ping()
    assert not store.is_gone


def test_a_store_that_is_gone_says_so_and_one_in_its_place_is_used(
    store: Store, tmp_path: Path, empty_database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer(store)
    run_id = writer.create(store.experiment("e", ""), "run", {tags.KIND: tags.KIND_RUN}, {})
    (tmp_path / "mlflow.db").rename(tmp_path / "kept.db")
    for use in (
        store.ping,
        store.experiment_names,
        lambda: find_runs(store),
        lambda: store.text(run_id, "definition.json"),
        lambda: writer.log(run_id, {"value": 1.0}),
        lambda: store.experiment("e", ""),
    ):
        with pytest.raises(StoreError, match=r"^store sqlite:///.*mlflow.db: the file was deleted or moved; the next"):
            use()
    assert not (tmp_path / "mlflow.db").exists()
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    assert find_runs(store, kind=tags.KIND_RUN) == []
    (tmp_path / "kept.db").replace(tmp_path / "mlflow.db")
    assert [run.run_id for run in find_runs(store, kind=tags.KIND_RUN)] == [run_id]
    assert caplog.records == []
