"""A store that is deleted, replaced or full while runs train: one sentence, and the next command has the results."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from overthink.launching.outcomes import Options, Outcomes
from overthink.launching.plan import PlannedRun
from overthink.launching.sync import deliver
from overthink.running.events import Event
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from overthink.training.epoch_record import EpochRecord
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


def launched(store: Store, tmp_path: Path, listener: Quiet) -> Outcomes:
    return launch_inline(store, [small(tmp_path)], Options(), listener)


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

    outcomes = launched(store, tmp_path, Deleting(harm, epoch, seed))
    assert len(outcomes.runs[tags.FINISHED]) == 2
    assert "the file was deleted or moved; the next command makes a new one" in str(outcomes.pending)
    assert "overthink sync" in str(outcomes.pending)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr().err == ""
    new = Store(store.uri)
    assert deliver(new, Writer(new)).queued == {}
    # What was in the store alone is lost with it, and trained again.
    assert launched(new, tmp_path, Quiet()).complete
    assert_nothing_lost_or_doubled(new, whole, tmp_path)
