"""A process's part in a study: what it resumes of another process's trials, by Optuna's public names."""

import re
import sqlite3
from pathlib import Path

import pytest
from optuna.trial import TrialState

import overthink.sweep
from overthink.store import tags
from overthink.store.client import Store
from overthink.sweep.ask_tell import OWNER, OWNERLESS_SECONDS, RESULT, AskTell, Ending, running_trial
from overthink.sweep.storage import opened, storage_uri
from overthink.sweep.study import open_study, suggest
from support.machines import machine
from support.small_sweep import tiny_sweep


def test_a_trial_of_another_process_keeps_its_number_its_values_and_its_reports(store: Store, tmp_path: Path) -> None:
    """The first parameter was chosen before the process died, the second is chosen now."""
    loaded = tiny_sweep(tmp_path, pruner={"kind": "median"})
    (first, parameter), (second, _) = loaded.sweep.space.items()
    with opened(storage_uri()) as storage:
        left = open_study(storage, loaded).ask()
        chosen = suggest(left, first, parameter)
        left.report(0.5, 1)
    with opened(storage_uri()) as storage:
        study = AskTell(loaded, storage, alone=True)
        asked = study.next()
        assert asked is not None
        assert (asked.number, asked.point[first], asked.reported) == (0, chosen, {1})
        assert study.next().number == 1  # type: ignore[union-attr]
        study.tell(asked, Ending(tags.FINISHED, "", [0.75], {"a bound": -1.0}), "a run")
        told = study.trials[0]
        assert (told.state, told.value, told.params, told.intermediate_values) == (
            TrialState.COMPLETE,
            0.75,
            {first: chosen, second: asked.point[second]},
            {1: 0.5},
        )
        assert told.constraints == {"a bound": -1.0}


def test_a_running_trial_is_found_by_its_number(store: Store, tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path)
    with opened(storage_uri()) as storage:
        study = open_study(storage, loaded)
        for number in range(3):
            study.ask().set_user_attr("order", number)
    with opened(storage_uri()) as storage:
        study = open_study(storage, loaded)
        assert [running_trial(study, storage, number).user_attrs["order"] for number in (2, 0, 1)] == [2, 0, 1]


@pytest.mark.parametrize("first_to_end", ["A", "B"])
def test_a_trial_that_another_machine_has_taken_over(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_to_end: str
) -> None:
    """A's machine sleeps, B takes its trial over, A's machine wakes up: who ends it first counts, and nobody fails."""
    monkeypatch.setattr("overthink.sweep.ask_tell.CLAIM_SECONDS", 0.0)
    loaded = tiny_sweep(tmp_path, pruner={"kind": "median"})
    with opened(storage_uri()) as storage, opened(storage_uri()) as storage_of_b:
        with machine("A", tmp_path):
            study_of_a = AskTell(loaded, storage, alone=False)
            of_a = study_of_a.next()
            assert of_a is not None
        with machine("B", tmp_path, clock=3600):
            study_of_b = AskTell(loaded, storage_of_b, alone=False)
            of_b = study_of_b.next()
            assert of_b is not None
            assert of_b.number == of_a.number
        with machine("A", tmp_path):
            study_of_a.heartbeat()
            assert study_of_a.trials[0].user_attrs[OWNER][tags.HOST] == "B"
        ends = [(study_of_a, of_a, 0.25, "A"), (study_of_b, of_b, 0.75, "B")]
        for study, asked, value, name in sorted(ends, key=lambda end: end[3] != first_to_end):
            with machine(name, tmp_path):
                study.heartbeat()
                assert not study.report(asked, value, 1)
                study.tell(asked, Ending(tags.FINISHED, "", [value], {"a bound": -1.0}), f"run of {name}")
                study.heartbeat()
        told = study_of_a.trials[0]
        assert told.value == {"A": 0.25, "B": 0.75}[first_to_end]
        assert told.user_attrs[RESULT]["run_id"] == f"run of {first_to_end}"


def test_a_trial_without_an_owner_is_resumed_after_a_while_whatever_the_time_zones(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process in another time zone has begun it hours ago, by its local time, and may be about to own it."""
    monkeypatch.setattr("overthink.sweep.ask_tell.CLAIM_SECONDS", 0.0)
    loaded = tiny_sweep(tmp_path, trials=1)
    with opened(storage_uri()) as storage:
        left = open_study(storage, loaded).ask()
        with sqlite3.connect(tmp_path / "optuna.db") as connection:
            connection.execute("UPDATE trials SET datetime_start = datetime('now', '-9 hours')")
        connection.close()
        study = AskTell(loaded, storage, alone=False)
        assert study.next() is None
        with machine("B", tmp_path, clock=OWNERLESS_SECONDS + 1):
            resumed = study.next()
    assert resumed is not None
    assert resumed.number == left.number


def test_a_surplus_trial_of_a_killed_process_ends_without_a_point(store: Store, tmp_path: Path) -> None:
    """Two machines have asked for the last point of a grid, and one was killed before it gave its trial back."""
    loaded = tiny_sweep(tmp_path, space={"network.growth": {"choice": [2, 4]}}, sampler={"kind": "grid"}, trials=2)
    with opened(storage_uri()) as storage:
        for _ in range(3):
            open_study(storage, loaded).ask()
        study = AskTell(loaded, storage, alone=True)
        growths = [asked.point["network.growth"] for _ in range(2) if (asked := study.next()) is not None]
        assert sorted(growths) == [2, 4]
        assert study.next() is None
        assert [trial.state for trial in study.study.get_trials()][2] == TrialState.FAIL


def test_no_private_name_of_optuna_is_used() -> None:
    """An attribute with a leading underscore is this package's own only on self and cls."""
    private = re.compile(r"(?<!\bself)(?<!\bcls)\._[a-z]\w*|\boptuna\._[a-z]\w*")
    files = Path(overthink.sweep.__path__[0]).glob("*.py")
    assert {file.name: found for file in files if (found := private.findall(file.read_text()))} == {}
