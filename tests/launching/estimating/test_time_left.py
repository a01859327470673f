"""What a launch still takes, by a clock in the test's hand: two phases that cost differently, and two jobs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from overthink.launching.estimating.time_left import TimeLeft
from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun
from overthink.running.events import Failed, Finished, Lost, Started
from overthink.running.pace import RunPace
from overthink.store.client import Store
from overthink.training.epoch_record import EpochRecord
from support.small import small

REGIME = [{"epochs": 3, "lr": 0.1}, {"epochs": 2, "freeze": "backbone"}]


def record(number: int, phase: int = 1) -> EpochRecord:
    return EpochRecord(number, phase, 0.1, 1.0, (0.5,), (1.0,), (0.5,), 1.0, 100.0)


def started(epochs: int = 0) -> Started:
    return Started("d", "d", {"train": 1}, (1,), (1,), tuple(map(record, range(1, epochs + 1))), {"device": "cpu"})


class Launch:
    """Runs, and a clock that the test moves."""

    def __init__(self, folder: Path, store: Store, at_once: int = 1, pace: RunPace | None = None, **of: Any) -> None:
        planned = plan(store, [small(folder, **{"regime": REGIME, "seeds": 2} | of)], dry=True)
        self.runs: list[PlannedRun] = [replace(run, pace=pace, at_once=at_once) for run in planned]
        self.now = 100.0
        self.left = TimeLeft(lambda: self.now)
        self.left.plan(self.runs)

    def after(self, seconds: float, run: int, event: Any) -> float | None:
        """Return what is left once that much later an event has come."""
        self.now += seconds
        self.left.note(self.runs[run], event)
        return self.left.of_all()


def test_from_the_first_epoch_on(tmp_path: Path, store: Store) -> None:
    """One run after the other; epochs of 10 s, those of the second phase of 4 s; 6 s to finish."""
    launch = Launch(tmp_path, store)
    assert launch.left.of_all() is None, "nothing is known yet"
    assert launch.after(7, 0, started()) is None
    assert launch.after(10, 0, record(1)) == 4 * 10 + 5 * 10, "all epochs are taken to be like the one that was seen"
    launch.now += 4
    assert launch.left.of_all() == 90 - 4, "the clock goes on within an epoch"
    launch.after(6, 0, record(2))
    launch.after(10, 0, record(3))
    assert launch.after(4, 0, record(4, 2)) == 4 + 3 * 10 + 2 * 4
    assert launch.left.of_run(launch.runs[0].key) == 4
    assert launch.after(4, 0, record(5, 2)) == 38
    assert launch.after(6, 0, Finished()) == 38 + 6, "the other has to finish, too"
    assert launch.left.runs == 1
    assert launch.after(3, 1, started()) == 44
    assert launch.after(20, 1, record(1)) == 2 * (3 * 10 + 20) / 4 + 8 + 6


def test_two_at_once(tmp_path: Path, store: Store) -> None:
    """Three runs of 5 epochs, 8 s each, on two workers: the third follows the one that ends first."""
    launch = Launch(tmp_path, store, at_once=2, regime=[{"epochs": 5}], seeds=3)
    launch.after(0, 0, started())
    launch.after(0, 1, started())
    launch.after(8, 0, record(1))
    assert launch.after(0, 1, record(1)) == 4 * 8 + 5 * 8
    assert launch.after(8, 0, record(2)) == 3 * 8 + 5 * 8
    assert launch.after(0, 0, Failed("no room")) == 5 * 8, "the third is begun, and the second has 3 epochs left"
    assert launch.left.runs == 2


def test_a_resumed_run_and_one_whose_machine_was_lost(tmp_path: Path, store: Store) -> None:
    launch = Launch(tmp_path, store, regime=[{"epochs": 5}], seeds=1)
    launch.after(2, 0, started(epochs=3))
    assert launch.after(10, 0, record(4)) == 10, "epochs of its checkpoint are neither seen nor left"
    launch.after(5, 0, Lost("machine"))
    launch.now += 1000
    assert launch.left.of_all() == 10, "no epoch of it goes on meanwhile"
    launch.after(0, 0, started(epochs=4))
    assert launch.after(4, 0, record(5)) == 0
    assert launch.after(1, 0, Finished()) == 0


def test_by_paces_before_there_is_any_epoch(tmp_path: Path, store: Store) -> None:
    """3 x 10 + 2 x 4 s and 6 s to finish; epochs turn out to be twice as long, and so do phases that are to come."""
    launch = Launch(tmp_path, store, pace=RunPace(5.0, (10.0, 4.0), 6.0))
    assert launch.left.of_all() == 2 * (30 + 8 + 6)
    launch.after(0, 0, started())
    assert launch.after(20, 0, record(1)) == (2 * 20 + 2 * 8 + 12) + (3 * 20 + 2 * 8 + 12)


def test_phases_that_a_run_before_trains(tmp_path: Path, store: Store) -> None:
    """The second begins with the phase that the first trains, and after it, although there are two workers."""
    variants = {"one": {"regime": REGIME[:1]}, "two": {}}
    launch = Launch(tmp_path, store, 2, RunPace(5.0, (10.0, 4.0), 6.0), variants=variants, seeds=1)
    launch.runs = [replace(run, pace=RunPace(0, (10.0, 4.0)[: len(run.run.regime)], 6.0)) for run in launch.runs]
    launch.left = TimeLeft(lambda: launch.now)
    launch.left.plan(launch.runs)
    assert launch.left.of_all() == (30 + 6) + (8 + 6)
    done = replace(launch.runs[0], action="done")
    launch.left = TimeLeft(lambda: launch.now)
    launch.left.plan([done, launch.runs[1]])
    assert launch.left.of_all() == 8 + 6, "what is finished already takes nothing"
