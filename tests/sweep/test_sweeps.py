"""Sweeps for real: worker processes, an SQLite store, Optuna's storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from overthink.comparison.overthinking import overthinking_rows
from overthink.definition.errors import DefinitionError
from overthink.launching.outcomes import Options
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.sweep.ask_tell import OWNER, AskTell
from overthink.sweep.confirmation import confirm
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.storage import opened, storage_uri
from overthink.sweep.study import CARRIED, distribution, existing, open_study
from overthink.sweep.sweeping import Swept, sweep
from support.engines import ReplayingEngine
from support.launches import launch_inline
from support.policy_file import policy_file
from support.small_sweep import SWEEP, RecordingListener, tiny_sweep

GROWTH = {"network.growth": {"choice": [2, 4]}}
FREE: dict[str, Any] = {
    "objectives": [{"metric": "network/parameters/exit_3"}],
    "space": {"network.growth": {"int": [2, 8]}, "network.channels": {"int": [4, 8]}},
}
"""Nothing to train: parameters are known beforehand."""


def swept(store: Store, loaded: LoadedSweep, jobs: int = 1) -> tuple[Swept, RecordingListener]:
    listener = RecordingListener()
    return sweep(loaded, store, storage_uri(), Options(jobs=jobs), listener, ReplayingEngine()), listener


@contextmanager
def study_of(loaded: LoadedSweep) -> Iterator[Study]:
    with opened(storage_uri()) as storage:
        study = existing(storage, loaded)
        assert study is not None
        yield study


def test_a_sweep_its_trials_and_their_runs(store: Store, tmp_path: Path) -> None:
    """Two trials of two seeds; called again nothing is trained; asked for one more, one is."""
    loaded = tiny_sweep(tmp_path, seeds=2, trials=2)
    found, listener = swept(store, loaded, jobs=2)
    assert found.ended == {tags.FINISHED: 2}
    runs = find_runs(store, kind=tags.KIND_RUN)
    groups = {str(run.trial): run for run in find_runs(store, kind=tags.KIND_GROUP)}
    assert (len(runs), sorted(groups), len(listener.epochs)) == (4, ["0", "1"], 8)
    (own,) = [run for run in find_runs(store, sweep=loaded.study_name) if run.trial is None]
    assert own.run_id == found.run_id
    assert own.status == "FINISHED"
    with study_of(loaded) as study:
        assert study.user_attrs["optuna"] == optuna.__version__
        for trial in study.trials:
            group = groups[str(trial.number)]
            of_group = [run for run in runs if run.group_key == group.group_key]
            values = [run.metrics["val/accuracy/last"] for run in of_group]
            assert trial.value == pytest.approx(sum(values) / 2)
            assert group.metrics["objective/val/accuracy/last"] == pytest.approx(sum(values) / 2)
            assert group.group_id == own.run_id
            assert {run.group_id for run in of_group} == {group.run_id}
            assert trial.user_attrs["overthink.result"]["run_id"] == group.run_id
    page = store.artifact(own.run_id, "figures.html", tmp_path / "page").read_text()
    assert "each trial, and the best so far" in page
    assert "default-src &#x27;none&#x27;" in page, "it loads nothing from anywhere"
    assert f"runs/{groups['0'].run_id}?workflowType=machine_learning)" in own.note
    assert "maximize val/accuracy/last (mean over 2 seeds of a trial)" in own.note
    assert "(mean over 2 seeds of a trial)" in page
    (row,) = overthinking_rows(find_runs(store, kind=tags.KIND_RUN), "definition")
    assert [over.n for over in row.over_groups.values()] == [(2, 2)] * 4, "trials are no seeds"

    again, quiet = swept(store, loaded)
    assert (again.ended, quiet.epochs, again.results) == ({}, [], found.results)
    more, listener = swept(store, tiny_sweep(tmp_path, seeds=2, trials=3))
    assert (more.ended, len(listener.epochs)) == ({tags.FINISHED: 1}, 4)
    assert len(find_runs(store, sweep=loaded.study_name)) == 4


def test_finished_runs_are_not_trained_again(store: Store, tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path, space=GROWTH, sampler={"kind": "grid"})
    launch_inline(store, [loaded.at({"network.growth": 4}, "by-hand")], Options(), RecordingListener())
    _, listener = swept(store, loaded)
    assert len({key for key, _ in listener.epochs}) == 1
    assert [outcome for _, outcome, _, _ in listener.endings] == [tags.FINISHED, tags.FINISHED]
    assert len(find_runs(store, kind=tags.KIND_RUN)) == 2


def test_a_seed_gives_the_same_trials_twice(store: Store, tmp_path: Path) -> None:
    points = []
    for name in ("first-sweep", "second-sweep"):
        loaded = tiny_sweep(tmp_path, name=name, trials=6, **FREE)
        found, _ = swept(store, loaded)
        points.append([(trial.point, trial.values) for trial in found.results.trials])
    assert points[0] == points[1]


def test_a_wider_space_starts_with_the_trials_of_a_narrower_one(store: Store, tmp_path: Path) -> None:
    narrow = tiny_sweep(tmp_path, trials=5, **FREE)
    swept(store, narrow)
    wide = tiny_sweep(tmp_path, trials=2, **FREE | {"space": {**FREE["space"], "network.growth": {"int": [4, 20]}}})
    found, _ = swept(store, wide)
    carried = [trial for trial in found.results.trials if trial.carried]
    with study_of(narrow) as study:
        within = [trial.params for trial in study.trials if trial.params["network.growth"] >= 4]
    assert [trial.point for trial in carried] == within
    assert len(found.results.trials) == len(within) + 2
    assert found.results.counts == {tags.FINISHED: 2}


def test_what_costs_too_much_is_not_trained(store: Store, tmp_path: Path) -> None:
    bound = {"metric": "network/mul_adds/exit_3", "at_most": 1.0}
    loaded = tiny_sweep(tmp_path, constraints=[bound], trials=2)
    found, listener = swept(store, loaded)
    assert (found.ended, listener.epochs) == ({tags.PRUNED: 2}, [])
    assert found.results.best == ()
    assert "outside its bounds" in listener.endings[0][3]
    with study_of(loaded) as study:
        assert [trial.state for trial in study.trials] == [TrialState.PRUNED] * 2
        assert all(trial.constraints["network/mul_adds/exit_3 <= 1"] > 0 for trial in study.trials)
    trials = [run for run in find_runs(store, sweep=loaded.study_name) if run.trial is not None]
    assert {run.outcome for run in trials} == {tags.PRUNED}


def test_a_bound_on_what_is_measured_keeps_a_trial_from_being_best(store: Store, tmp_path: Path) -> None:
    """More parameters are worse here, and too few are forbidden: the best is the smallest that is allowed."""
    bound = {"metric": "network/parameters/exit_1", "at_least": 0}
    space = {"network.growth": {"int": [2, 4]}, "network.channels": {"int": [4, 6]}}
    loaded = tiny_sweep(tmp_path, **FREE | {"space": space}, sampler={"kind": "grid"}, constraints=[bound], trials=100)
    found, _ = swept(store, loaded)
    (best,) = found.results.best
    assert best.point == {"network.growth": 2, "network.channels": 4}


def test_trials_that_are_worse_than_earlier_ones_are_pruned(store: Store, tmp_path: Path) -> None:
    """After a trial with an accuracy of 1 from its first epoch on, an ordinary one is pruned."""
    loaded = tiny_sweep(
        tmp_path, {"regime": [{"epochs": 4}]}, pruner={"kind": "median", "startup_trials": 1}, trials=2, seeds=2
    )
    with opened(storage_uri()) as storage:
        study = open_study(storage, loaded)
        space = {path: distribution(one) for path, one in loaded.sweep.space.items()}
        perfect = optuna.trial.create_trial(
            value=1.0,
            params={"regime.0.lr": 0.1, "network.growth": 2},
            distributions=space,
            intermediate_values=dict.fromkeys(range(1, 9), 1.0),
        )
        study.add_trial(perfect)
    found, listener = swept(store, loaded)
    assert found.ended == {tags.PRUNED: 1}
    assert "pruned after epoch 1" in listener.endings[0][3]
    assert len(listener.epochs) < 4
    (run,) = find_runs(store, kind=tags.KIND_RUN)
    (group,) = find_runs(store, kind=tags.KIND_GROUP)
    assert [(one.status, one.outcome) for one in (run, group)] == [("KILLED", tags.PRUNED)] * 2
    with study_of(loaded) as study:
        assert study.trials[1].state == TrialState.PRUNED
    outcomes = launch_inline(
        store, [loaded.at(found.results.trials[1].point, "all-of-it")], Options(), RecordingListener()
    )
    assert outcomes.complete, "a launch of the same run resumes it from its checkpoint"


def test_a_pruned_trial_does_not_train_its_remaining_seeds(store: Store, tmp_path: Path) -> None:
    """Overthinking is not known after each epoch, so it is reported after each seed."""
    loaded = tiny_sweep(
        tmp_path,
        objectives=[{"metric": "val/confusion/mean", "direction": "maximize"}],
        pruner={"kind": "median", "startup_trials": 1},
        seeds=3,
        trials=2,
    )
    with opened(storage_uri()) as storage:
        study = open_study(storage, loaded)
        space = {path: distribution(one) for path, one in loaded.sweep.space.items()}
        study.add_trial(
            optuna.trial.create_trial(
                value=1e9,
                params={"regime.0.lr": 0.1, "network.growth": 2},
                distributions=space,
                intermediate_values=dict.fromkeys(range(1, 7), 1e9),
            )
        )
    found, listener = swept(store, loaded)
    assert found.ended == {tags.PRUNED: 1}
    assert "pruned after 1 of its seeds" in listener.endings[0][3]
    assert len(find_runs(store, kind=tags.KIND_RUN)) == 1


def test_diverged_trials_fail_in_store_and_study_and_do_not_stop_a_sweep(store: Store, tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path, space={"regime.0.lr": {"choice": [1e30, 0.1]}}, sampler={"kind": "grid"})
    found, _ = swept(store, loaded)
    assert found.ended == {tags.DIVERGED: 1, tags.FINISHED: 1}
    with study_of(loaded) as study:
        assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    of_trial = {str(run.trial): run for run in find_runs(store, kind=tags.KIND_GROUP)}
    assert (of_trial["0"].status, of_trial["0"].outcome) == ("FAILED", tags.DIVERGED)


def test_a_sweep_stops_when_its_first_trials_all_fail(store: Store, tmp_path: Path) -> None:
    missing = {"dataset": {"kind": "npz", "path": "no.npz", "shape": [1, 32, 32], "classes": 10}, "augment": {}}
    loaded = tiny_sweep(tmp_path, missing, space=SWEEP["space"], trials=10)
    found, _ = swept(store, loaded)
    assert found.ended == {tags.FAILED: 3}
    assert "no.npz" in found.stop_reason


@pytest.mark.parametrize("averaged_over, mains", [(None, 1), ([0, 1], 2)])
def test_label_balance_needs_trainings_of_the_main_network_alone(
    store: Store, tmp_path: Path, averaged_over: list[int] | None, mains: int
) -> None:
    of = {"definition": "small.yaml", "set": {"validation": 0.5}}
    policy_file(tmp_path, seeds=1, policy={"of": of, "labels": {"lambda": 50, "averaged_over": averaged_over}})
    (tmp_path / "policy").mkdir()
    loaded = tiny_sweep(
        tmp_path,
        experiment="policy.yaml",
        objectives=[{"metric": "labels/balance"}],
        space={"policy.labels.lambda": {"float": [0.1, 1000], "log": True}},
        sampler={"kind": "quasi-random"},
        trials=16,
    )
    found, _ = swept(store, loaded)
    assert found.ended == {tags.FINISHED: 16}
    trained = find_runs(store, kind=tags.KIND_RUN)
    assert [run.is_policy for run in trained] == [False] * mains
    lambdas = sorted(float(trial.point["policy.labels.lambda"]) for trial in found.results.trials)
    assert lambdas[0] < 0.3, "the points are spread over the whole range"
    assert lambdas[-1] > 300
    values = [trial.values[0] for trial in found.results.trials]
    assert all(0 <= value <= 1 for value in values)
    assert found.results.best[0].values == (max(values),)


def test_several_objectives_have_a_front(store: Store, tmp_path: Path) -> None:
    """Fewer parameters, more MUL-ADDs: compared with brute force over all pairs."""
    free = FREE | {
        "objectives": [
            {"metric": "network/parameters/exit_3"},
            {"metric": "network/mul_adds/exit_3", "direction": "maximize"},
        ]
    }
    found, _ = swept(store, tiny_sweep(tmp_path, trials=12, **free))
    trials = found.results.trials
    front = {
        tuple(one.point.values())
        for one in trials
        if not any(
            other.values[0] <= one.values[0] and other.values[1] >= one.values[1] and other.values != one.values
            for other in trials
        )
    }
    assert sorted(tuple(trial.point.values()) for trial in found.results.best) == sorted(front)
    assert len(front) > 1


def test_an_abandoned_trial_is_resumed(store: Store, tmp_path: Path) -> None:
    """Abandoned right after it was asked for, with or without an owner: it keeps its number, and none is lost."""
    loaded = tiny_sweep(tmp_path, trials=3, **FREE)
    with opened(storage_uri()) as storage:
        study = open_study(storage, loaded)
        study.ask()
        left = study.ask()
        left.set_user_attr(OWNER, {tags.HOST: "elsewhere", tags.PROCESS: "1@1", tags.HEARTBEAT: "1"})
    found, listener = swept(store, loaded)
    assert listener.starts == [(0, True), (1, True), (2, False)]
    assert found.ended == {tags.FINISHED: 3}
    with study_of(loaded) as study:
        assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
        assert not any(CARRIED in trial.user_attrs for trial in study.trials)


@pytest.mark.parametrize("labels", [{"lambda": 50}, {"lambda": 50, "averaged_over": [0, 1]}])
def test_main_networks_are_trained_for_the_trials_and_their_groups_are_closed(
    store: Store, tmp_path: Path, labels: dict[str, Any]
) -> None:
    """Two policies of two seeds each, side by side: each seed's main network is trained once."""
    more = {"dataset.train": 1000, "dataset.test": 400, "validation": 0.5, "regime": [{"epochs": 2, "lr": 0.05}]}
    policy_file(tmp_path, policy={"of": {"definition": "small.yaml", "set": more}, "labels": labels})
    loaded = tiny_sweep(
        tmp_path,
        experiment="policy.yaml",
        seeds=2,
        objectives=[{"metric": "val/policy/balanced_accuracy"}],
        space={"regime.0.lr": {"choice": [0.01, 0.1]}},
        sampler={"kind": "grid"},
    )
    found, _ = swept(store, loaded, jobs=2)
    assert found.ended == {tags.FINISHED: 2}
    runs = find_runs(store, kind=tags.KIND_RUN)
    mains = [run for run in runs if not run.is_policy]
    assert (len(mains), len(runs)) == (2, 6)
    groups = find_runs(store, kind=tags.KIND_GROUP)
    assert len(groups) == 3
    assert {one.status for one in (*runs, *groups)} == {"FINISHED"}
    view = store.client.get_experiment(found.experiment_id).tags
    assert any("objective/val/policy/balanced_accuracy" in value for value in view.values())


def test_fresh_seeds_cannot_confirm_what_needs_no_training(store: Store, tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path, **FREE)
    with pytest.raises(DefinitionError, match="fresh seeds cannot confirm it"):
        confirm(loaded, swept(store, loaded)[0].results.best, 2, store, Options(), RecordingListener())


@pytest.mark.parametrize("kind", ["tpe", "quasi-random", "cma-es"])
def test_a_resumed_sweep_has_the_trials_of_an_undisturbed_one(store: Store, tmp_path: Path, kind: str) -> None:
    """Its third trial is abandoned after its values are chosen, its fourth before."""
    sampler = {"kind": kind, "startup_trials": 2}
    undisturbed, _ = swept(store, tiny_sweep(tmp_path, name="undisturbed", trials=6, sampler=sampler, **FREE))
    swept(store, tiny_sweep(tmp_path, trials=2, sampler=sampler, **FREE))
    loaded = tiny_sweep(tmp_path, trials=6, sampler=sampler, **FREE)
    with opened(storage_uri()) as storage:
        study = AskTell(loaded, storage, alone=True)
        third = study.next()
        assert third is not None
        study.study.ask()
    resumed, listener = swept(store, loaded)
    assert listener.starts == [(2, True), (3, True), (4, False), (5, False)]
    assert resumed.results.trials[2].point == third.point
    assert [one[:5] for one in resumed.results.trials] == [one[:5] for one in undisturbed.results.trials]
    assert resumed.results.counts == {tags.FINISHED: 6}
    assert len([run for run in find_runs(store, sweep=loaded.study_name) if run.trial is not None]) == 6
