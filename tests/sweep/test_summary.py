"""The summary of a sweep marks the best trial; of several objectives there is none, but a Pareto front."""

from pathlib import Path

from overthink.sweep.definition import load_sweep
from overthink.sweep.results import Results, TrialResult
from overthink.sweep.summary import best_grid, sweep_note
from support.small_sweep import sweep_file

ONE = {"metric": "val/accuracy/last"}
TWO = [ONE, {"metric": "val/overthinking/any_later"}]


def trial(number: int, *values: float) -> TrialResult:
    return TrialResult(number, {"regime.0.lr": 0.1 * (number + 1)}, "finished", values, True, "a1", "", 1.0, "")


def test_the_best_trial_is_marked(tmp_path: Path) -> None:
    loaded = load_sweep(sweep_file(tmp_path, objectives=[ONE]))
    found = Results((trial(0, 0.5), trial(1, 0.6)), (trial(1, 0.6),))
    grid = best_grid(loaded, found)
    assert grid.rows[0][0].startswith("1*")
    assert grid.caption.startswith("*: best. Goal: maximize val/accuracy/last")
    assert "(best)" in sweep_note(loaded, found, "1", "a")


def test_of_several_objectives_no_trial_is_called_the_best(tmp_path: Path) -> None:
    loaded = load_sweep(sweep_file(tmp_path, objectives=TWO))
    trials = (trial(0, 0.5, 0.1), trial(1, 0.6, 0.2))
    grid, note = best_grid(loaded, Results(trials, trials)), sweep_note(loaded, Results(trials, trials), "1", "a")
    assert [row[0][:2] for row in grid.rows] == ["1*", "0*"]
    assert grid.caption.startswith("*: on the Pareto front.")
    assert "(best)" not in note
    assert "(on the Pareto front)" in note
