"""Sweeps among stored runs: the best trial stands for all of them."""

import json

import pytest

from overthink.cli.sweep_names import runs_of_sweep
from overthink.comparison.arms import in_arms
from overthink.comparison.frame import frame_of, over_seeds
from overthink.comparison.overthinking import overthinking_rows
from overthink.comparison.sweeps import best_trials, with_best_trials, without_trials
from overthink.report.tables import OVERTHINKING, group_cell
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.stored_runs import parent, stored

LAST, LATER = "val/accuracy/last", "val/overthinking/any_later"
GOALS = {LAST: "maximize", LATER: "minimize"}


def trial(number: int, keeps_bounds: bool = True, sweep: str = "look 1a", **values: float) -> StoredRun:
    """Return the group of a trial; values are `last` and `later`, none where it has not finished."""
    named = {"last": LAST, "later": LATER}
    objectives = [{"metric": named[name], "goal": GOALS[named[name]], "value": value} for name, value in values.items()]
    score = {"objectives": objectives, "keeps_bounds": keeps_bounds}
    more = {tags.DEFINITION: sweep.split(maxsplit=1)[0], tags.SWEEP: sweep, tags.TRIAL: str(number)}
    if values:
        more[tags.SCORE] = json.dumps(score)
    return parent("0", f"{sweep}-{number}", variant=f"trial-{number}", more=more)


def member(of: StoredRun, seed: str = "0") -> StoredRun:
    return stored(seed, group=of.group_key, variant=of.variant, more={tags.DEFINITION: of.definition})


def numbers(trials: list[StoredRun]) -> list[int | None]:
    return [one.trial for one in trials]


def test_the_best_by_one_objective() -> None:
    trials = [trial(0, last=0.4), trial(1, last=0.6), trial(2, last=0.6), trial(3, False, last=0.9), trial(4)]
    assert [(one.trial, one.best_of) for one in best_trials(trials[::-1])] == [(1, 5)], "the first of equals"
    lower = [trial(0, later=0.4), trial(1, later=0.1)]
    assert numbers(best_trials(lower)) == [1]
    assert best_trials([trial(0, False, last=0.9), trial(1)]) == []


def test_the_best_by_two_objectives_are_those_that_no_other_dominates() -> None:
    values = [(0.5, 0.2), (0.6, 0.3), (0.5, 0.3), (0.4, 0.1), (0.6, 0.3)]
    trials = [trial(number, last=last, later=later) for number, (last, later) in enumerate(values)]
    by_hand = [0, 1, 3, 4]
    assert numbers(best_trials(trials)) == by_hand


def test_each_sweep_is_its_best_trial_and_other_runs_stay() -> None:
    worse, best, open_trial = trial(0, last=0.4), trial(1, last=0.6), trial(2)
    other = trial(0, sweep="other 2b", later=0.3)
    plain = parent("0 1")
    shared = parent("0", worse.group_key, started_ms=5)  # an experiment that asks for the very run of a trial
    runs = [plain, stored("0"), shared, worse, member(worse), best, member(best), open_trial, member(open_trial), other]
    found = with_best_trials(runs)
    kept = [plain, runs[1], shared, member(worse), best, member(best), other]
    assert [run.run_id for run in found] == [run.run_id for run in kept]
    assert {run.definition: run.best_of for run in found if run.best_of} == {"look": 3, "other": 1}
    assert with_best_trials(found[:2]) == found[:2]


def test_a_trial_that_is_being_trained_is_left_out_with_its_sweep_and_not_without() -> None:
    being_trained = parent("0", "new", variant="trial-9", more={tags.DEFINITION: "look"})
    assert with_best_trials([trial(0, last=0.4), being_trained])[1:] == []
    assert with_best_trials([trial(0), being_trained])[1:] == [being_trained]


def test_trials_without_a_best_one_stay() -> None:
    runs = [trial(0), trial(1, False, last=0.5)]
    assert with_best_trials(runs) == runs


@pytest.mark.parametrize("by", ["variant", "definition", "regime"])
def test_rows_and_caption_say_so(by: str) -> None:
    trials = [trial(0, last=0.4), trial(1, last=0.6)]
    runs = [run for one in trials for run in (one, member(one))]
    (row,) = overthinking_rows(with_best_trials(runs), by)
    assert "best of 2 trials" in group_cell(row)
    assert f"({'4 joint' if by == 'regime' else 'look'} by {LAST}); --all shows each trial" in OVERTHINKING.caption(
        [row]
    )
    assert all("--all" not in OVERTHINKING.caption([one]) for one in overthinking_rows(runs, by))
    front = [trial(0, last=0.6, later=0.2), trial(1, last=0.5, later=0.1)]
    first, _ = overthinking_rows(with_best_trials([run for one in front for run in (one, member(one))]))
    assert "on the Pareto front of 2 trials" in group_cell(first)
    assert f"(look by {LAST} and {LATER})" in OVERTHINKING.caption([first])


def confirmed() -> list[StoredRun]:
    """Return the best of a sweep's trials, and an experiment of the same definition with seeds of its own."""
    best, other = trial(1, last=0.6), trial(0, last=0.4)
    fresh = parent("1 2", best.group_key, variant="base", started_ms=5)
    mine = [stored(seed, last=0.5, group=best.group_key, variant="base") for seed in ("1", "2")]
    of_best = stored("0", last=0.9, group=best.group_key, variant=best.variant, more={tags.DEFINITION: best.definition})
    return [fresh, *mine, best, of_best, other, member(other)]


def test_the_seed_that_a_trial_was_chosen_for_is_none_of_the_experiment_that_confirms_it() -> None:
    runs = confirmed()
    rows = {row.group: row.finished for row in overthinking_rows(runs)}
    assert rows == {"quickstart: base": ("1", "2"), "look: trial-1": ("0",), "look: trial-0": ("0",)}
    table = over_seeds(frame_of(in_arms(runs)), "test/accuracy/last").set_index("group")
    assert table["n"].to_dict() == {"quickstart: base": 2, "look: trial-1": 1, "look: trial-0": 1}
    assert table.loc["quickstart: base", "mean"] == pytest.approx(0.5)
    (by_definition,) = [row for row in overthinking_rows(runs, "definition") if row.group == "quickstart"]
    assert by_definition.finished == ("1", "2")


def test_names_select_an_experiment_without_the_trial_of_its_definition_and_the_other_way_round() -> None:
    runs = confirmed()
    mine = [run for run in runs if run.group_key == runs[0].group_key]
    assert without_trials(mine, runs) == runs[:3]
    assert runs_of_sweep(runs, "look") == runs[3:]
    assert runs_of_sweep(runs, "quickstart") is None


def test_a_run_of_a_trial_that_an_experiment_asks_for_counts_for_both() -> None:
    best = trial(1, last=0.6)
    shared = parent("0 1", best.group_key, variant="base", started_ms=5)
    runs = [shared, best, *(stored(seed, group=best.group_key, variant="base") for seed in ("0", "1"))]
    rows = {row.group: row.finished for row in overthinking_rows(runs)}
    assert rows == {"quickstart: base": ("0", "1"), "look: trial-1": ("0",)}
    assert without_trials(runs, runs) == [shared, *runs[2:]]
    assert runs_of_sweep(runs, "look") == [best, runs[2]]
