"""The state machine of a session: a scripted engine, recorders that remember, no store and no process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from overthink.execution.jobs import EngineError
from overthink.launching import session as module
from overthink.launching.lost_machines import MOST_LOSSES
from overthink.launching.opened_session import outcome_of_error
from overthink.launching.outcomes import Options, Outcomes
from overthink.launching.plan import plan
from overthink.launching.planned_run import Parent, PlannedRun
from overthink.launching.session import Session
from overthink.running.events import Died, Diverged, Event, Failed, Finished, Lost, Started
from overthink.store import tags
from overthink.training.epoch_record import EpochRecord
from support.engines import InlineEngine, ScriptedEngine, started
from support.launches import Quiet
from support.small import small

LOST = Lost("the machine has gone")


class Recorder:
    """Remembers the events of one run."""

    opened: ClassVar[list[Any]] = []
    refuses: type[Event] | None = None
    """Recording this kind of event fails, as on a full disk."""

    def __init__(self, run: PlannedRun, held: bool) -> None:
        self.run, self.held = run, held
        self.events: list[Event] = []
        self.links: dict[str, str] = {}
        self.end: tuple[str, str] | None = None
        self.logger = f"logger of {run.name}"

    @classmethod
    def open(cls, sender: object, run: PlannedRun, group: object, held: bool) -> "Recorder":
        recorder = cls(run, held)
        cls.opened.append(recorder)
        return recorder

    def record(self, event: Event) -> str | None:
        if self.refuses is not None and isinstance(event, self.refuses):
            raise OSError(28, "No space left on device")
        self.events.append(event)
        return "resumed in a different environment" if isinstance(event, Started) and event.history else None

    def link_parent(self, handle: str) -> None:
        self.links["parent"] = handle

    def link_main(self, handle: str) -> None:
        self.links["main"] = handle

    def ended(self, outcome: str, message: str) -> None:
        self.end = outcome, message


class Inputs:
    """Has the inputs of all runs but some."""

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self.finished: dict[str, Any] = {}
        self.parents: dict[str, str] = {}
        self.mains: dict[str, str] = {}
        self.labelled_by: dict[str, tuple[str, ...]] = {}
        self._missing = missing

    def fetch(self, run: PlannedRun, folder: Path) -> str | None:
        if run.name in self._missing:
            raise ValueError("its main network is not trained")
        if run.parent is None or run.parent.key not in self.finished:
            return None
        self.parents[run.key] = "parent's handle"
        return run.parent.key


class Groups:
    """Remembers what became of groups."""

    def __init__(self) -> None:
        self.abandoned: list[tuple[str, str]] = []

    def add_members(self, runs: Sequence[PlannedRun]) -> None:
        pass

    def begin(self, run: PlannedRun) -> None:
        pass

    def abandon(self, outcome: str, message: str) -> None:
        self.abandoned.append((outcome, message))


class Sender:
    """Has always uploaded everything."""

    def wait(self, *_: object) -> None:
        return None

    def stop(self) -> None:
        pass


class Claimed:
    """Claims that no other process disputes."""

    def close(self) -> None:
        pass

    def heartbeat(self) -> None:
        pass


class Faked:
    """A session on fakes."""

    def __init__(self, engine: InlineEngine, missing: Sequence[str] = ()) -> None:
        self.inputs, self.groups, self.listener = Inputs(missing), Groups(), Quiet()
        fakes: tuple[Any, ...] = (
            engine,
            Sender(),
            self.groups,
            self.inputs,
            Options(),
            self.listener,
            Outcomes(),
            Claimed(),
        )
        self.session = Session(*fakes)

    @property
    def outcomes(self) -> dict[str, list[str]]:
        return {outcome: [run.name for run in runs] for outcome, runs in self.session.outcomes.runs.items()}

    @property
    def kinds(self) -> list[str]:
        return [body["event"] for body in self.listener.bodies]


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Recorder.opened, Recorder.refuses = [], None
    monkeypatch.setattr(module, "RunRecorder", Recorder)


@pytest.fixture
def runs(tmp_path: Path) -> list[PlannedRun]:
    return plan(None, [small(tmp_path)], dry=True)


def epoch(number: int) -> EpochRecord:
    return EpochRecord(number, 1, 0.1, 1.0, (0.5, 0.5), (1.0, 1.0), (0.5, 0.5), 1.0, 1.0)


WHOLE: list[Event] = [started(), epoch(1), Finished()]


def test_runs_finish_each_with_its_recorder(runs: list[PlannedRun]) -> None:
    tested = Faked(ScriptedEngine({run.key: [WHOLE] for run in runs}))
    tested.session.train(runs)
    assert tested.outcomes == {"finished": [run.name for run in runs]}
    assert [recorder.events for recorder in Recorder.opened] == [WHOLE, WHOLE]
    assert tested.kinds == ["started", "epoch", "finished"] * 2
    assert not any(tested.session.is_training(run.key) for run in runs)


@pytest.mark.parametrize(
    "event, outcome", [(Diverged("not finite"), "diverged"), (Failed("no data"), "failed"), (Died("killed"), "failed")]
)
def test_a_run_that_ends_early_leaves_the_others_alone(runs: list[PlannedRun], event: Event, outcome: str) -> None:
    first, second = runs
    tested = Faked(ScriptedEngine({first.key: [[started(), event]], second.key: [WHOLE]}))
    tested.session.train(runs)
    assert tested.outcomes == {outcome: [first.name], "finished": [second.name]}
    assert Recorder.opened[0].end == (outcome, event.message)  # type: ignore[union-attr]
    assert tested.session.outcomes.messages == {first.key: event.message}  # type: ignore[union-attr]


def test_a_run_that_fails_before_it_starts_leaves_nothing_half_made(runs: list[PlannedRun]) -> None:
    tested = Faked(ScriptedEngine({runs[0].key: [[Failed("no data")]]}))
    tested.session.train(runs[:1])
    assert (tested.outcomes, Recorder.opened) == ({"failed": [runs[0].name]}, [])


def test_a_lost_run_is_queued_again_and_recorded_by_the_same_recorder(runs: list[PlannedRun]) -> None:
    engine = ScriptedEngine({runs[0].key: [[started(), epoch(1), LOST], [started(), epoch(2), Finished()]]})
    tested = Faked(engine)
    tested.session.train(runs[:1])
    (recorder,) = Recorder.opened
    assert [type(event) for event in recorder.events] == [Started, EpochRecord, Lost, Started, EpochRecord, Finished]
    assert tested.outcomes == {"finished": [runs[0].name]}
    assert len(engine.orders) == 2


def test_a_run_that_loses_machines_without_progress_fails(runs: list[PlannedRun]) -> None:
    attempts: list[list[Event]] = [[started(), LOST] for _ in range(MOST_LOSSES + 1)]
    tested = Faked(ScriptedEngine({runs[0].key: attempts}))
    tested.session.train(runs[:1])
    assert tested.outcomes == {"failed": [runs[0].name]}
    (message,) = tested.session.outcomes.messages.values()
    assert message == "the machine has gone; gave up after 4 lost machines without progress"
    assert tested.kinds.count("lost") == MOST_LOSSES


def test_progress_between_losses_counts(runs: list[PlannedRun]) -> None:
    attempts: list[list[Event]] = [[started(), epoch(number), LOST] for number in range(1, 3 * MOST_LOSSES)]
    tested = Faked(ScriptedEngine({runs[0].key: [*attempts, WHOLE]}))
    tested.session.train(runs[:1])
    assert tested.outcomes == {"finished": [runs[0].name]}


@pytest.mark.parametrize("last", [LOST, Died("killed")])
def test_a_stopped_run_is_pruned_however_it_ends(runs: list[PlannedRun], last: Event) -> None:
    tested = Faked(ScriptedEngine({runs[0].key: [[started(), last]]}))
    tested.session.stop(runs[0], "others did better")
    tested.session.train(runs[:1])
    assert tested.outcomes == {"pruned": [runs[0].name]}
    assert Recorder.opened[0].end == (tags.PRUNED, "others did better")


@pytest.mark.parametrize("then", [[epoch(2), Finished()], [LOST], [Died("killed")]])
def test_a_run_that_cannot_be_recorded_fails_once_and_is_ignored_from_then_on(
    runs: list[PlannedRun], then: list[Event]
) -> None:
    Recorder.refuses = EpochRecord
    tested = Faked(ScriptedEngine({runs[0].key: [[started(), epoch(1), *then]]}))
    tested.session.train(runs[:1])
    assert tested.outcomes == {"failed": [runs[0].name]}
    assert tested.kinds == ["started", "failed"]
    assert Recorder.opened[0].end == (tags.FAILED, "it could not be recorded: [Errno 28] No space left on device")


def test_a_child_waits_for_its_parent_and_begins_with_its_checkpoint(runs: list[PlannedRun]) -> None:
    parent, child = runs[0], runs[1]
    child = child.__class__(**{**vars(child), "parent": Parent(parent.key, None)})
    engine = ScriptedEngine({parent.key: [WHOLE], child.key: [WHOLE]})
    tested = Faked(engine)
    tested.session.train([child, parent])
    assert [order.parent_key for order in engine.orders] == [None, parent.key]
    assert [(recorder.run.key, recorder.held) for recorder in Recorder.opened] == [
        (parent.key, True),
        (child.key, False),
    ]
    assert Recorder.opened[1].links == {"parent": "parent's handle"}


def test_a_child_whose_parent_failed_is_trained_all_the_same(runs: list[PlannedRun]) -> None:
    parent, child = runs[0], runs[1]
    child = child.__class__(**{**vars(child), "parent": Parent(parent.key, None)})
    engine = ScriptedEngine({parent.key: [[Failed("no")]], child.key: [WHOLE]})
    tested = Faked(engine)
    tested.session.train([child, parent])
    assert tested.outcomes == {"failed": [parent.name], "finished": [child.name]}
    assert engine.orders[1].parent_key is None


def test_a_run_whose_inputs_are_missing_fails_and_makes_way(runs: list[PlannedRun]) -> None:
    tested = Faked(ScriptedEngine({runs[1].key: [WHOLE]}), missing=[runs[0].name])
    tested.session.train(runs)
    assert tested.outcomes == {"failed": [runs[0].name], "finished": [runs[1].name]}
    assert tested.listener.bodies[0]["message"] == "its main network is not trained"


class OneMore:
    """Supplies one run, once."""

    def __init__(self, run: PlannedRun) -> None:
        self.left, self.ended = [run], list[str]()

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        self.ended.append(ended.name)
        more, self.left = self.left, []
        return more

    def heartbeat(self) -> None:
        pass


def test_a_source_supplies_runs_as_others_end(runs: list[PlannedRun]) -> None:
    tested, source = Faked(ScriptedEngine({run.key: [WHOLE] for run in runs})), OneMore(runs[1])
    tested.session.train(runs[:1], source)
    assert source.ended == [run.name for run in runs]


def test_a_warning_of_the_recorder_reaches_the_listener(runs: list[PlannedRun]) -> None:
    begun = started()
    resumed = Started(**{**vars(begun), "history": (epoch(1),)})
    tested = Faked(ScriptedEngine({runs[0].key: [[resumed, Finished()]]}))
    tested.session.train(runs[:1])
    messages = [body["message"] for body in tested.listener.bodies if body["event"] == "noted"]
    assert messages == [f"{runs[0].name}: resumed in a different environment"]


def test_abandoned_runs_are_closed_with_their_groups(runs: list[PlannedRun]) -> None:
    class Gone(ScriptedEngine):
        def _events(self, job: Any) -> Any:
            yield started()
            raise EngineError("the cluster is gone")

    tested = Faked(Gone({}))
    with pytest.raises(EngineError) as raised:
        tested.session.train(runs[:1])
    tested.session.abandon(*outcome_of_error(raised.value))
    assert Recorder.opened[0].end == tested.groups.abandoned[0] == (tags.INTERRUPTED, "the cluster is gone")


@pytest.mark.parametrize(
    "error, outcome",
    [
        (KeyboardInterrupt(), (tags.INTERRUPTED, "interrupted by a signal")),
        (SystemExit(143), (tags.INTERRUPTED, "interrupted by a signal")),
        (ValueError("no such seed"), (tags.FAILED, "no such seed")),
        (RuntimeError(), (tags.FAILED, "RuntimeError")),
    ],
)
def test_what_an_error_makes_of_open_runs(error: BaseException, outcome: tuple[str, str]) -> None:
    assert outcome_of_error(error) == outcome
