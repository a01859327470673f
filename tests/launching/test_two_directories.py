"""Two working directories, or machines, on one store: no run is trained twice, and none is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overthink.launching.outcomes import Options, Outcomes
from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun
from overthink.running.events import Event, Finished
from overthink.store import tags
from overthink.store.claims import PREFIX, Claims
from overthink.store.client import Store
from overthink.training.epoch_record import EpochRecord
from support.launches import Quiet, launch_inline
from support.outages import runs_of
from support.small import small

ONE_EPOCH = {"regime": [{"epochs": 1}]}


class At(Quiet):
    """A listener that does something once, at a kind of event or when the runs are planned."""

    def __init__(self, moment: type[Event] | None, deed: Callable[[], None]) -> None:
        super().__init__()
        self._moment, self._deed = moment, deed

    def on_plan(self, runs: Any) -> None:
        if self._moment is None:
            self._deed()

    def on_event(self, run: PlannedRun, event: Event) -> None:
        super().on_event(run, event)
        if self._moment is not None and isinstance(event, self._moment):
            self._moment = type("Never", (), {})
            self._deed()


@pytest.mark.parametrize("moment", [None, EpochRecord, Finished])
def test_what_one_directory_trains_another_one_leaves_alone(
    store: Store, tmp_path: Path, moment: type[Event] | None
) -> None:
    """The second begins before any run is in the store, while the first trains, and while it uploads."""
    theirs: list[Outcomes] = []

    def second() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OVERTHINK_STATE", str(tmp_path / "second"))
            theirs.append(launch_inline(store, [small(tmp_path, **ONE_EPOCH)]))

    assert launch_inline(store, [small(tmp_path, **ONE_EPOCH)], Options(), At(moment, second)).complete
    (outcomes,) = theirs
    left_alone = {"busy", "done"} if moment is Finished else {"busy"}  # a quick upload may have ended
    assert set(outcomes.runs) <= left_alone
    assert sum(map(len, outcomes.runs.values())) == 2
    assert [run.outcome for run in runs_of(store)] == [tags.FINISHED] * 2
    assert store.experiment_tags(PREFIX) == []


def test_a_run_that_was_finished_after_it_was_looked_for_is_not_trained_again(store: Store, tmp_path: Path) -> None:
    class Late(Claims):
        """Another directory trains the runs between the first look and the claim."""

        def claim(self, *arguments: Any) -> set[str]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("OVERTHINK_STATE", str(tmp_path / "second"))
                assert launch_inline(store, [small(tmp_path, **ONE_EPOCH)]).complete
            return super().claim(*arguments)

    runs = plan(store, [small(tmp_path, **ONE_EPOCH)], claims=Late(store))
    assert [(run.action, run.lock) for run in runs] == [("done", None)] * 2
    assert store.experiment_tags(PREFIX) == []


def test_a_claim_that_is_lost_releases_the_lock(store: Store, tmp_path: Path) -> None:
    mine, theirs = Claims(store), Claims(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERTHINK_STATE", str(tmp_path / "second"))
        first, _ = plan(store, [small(tmp_path, **ONE_EPOCH)], claims=theirs)
    assert [run.action for run in plan(store, [small(tmp_path, **ONE_EPOCH)], claims=mine)] == ["busy"] * 2
    first.release()
    again = plan(store, [small(tmp_path, **ONE_EPOCH)], claims=mine)
    assert [run.action for run in again] == ["train", "busy"]
    for run in again:
        run.release()
