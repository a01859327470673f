"""Optuna's figures in our style and words."""

from pathlib import Path

import optuna
import pytest
from plotly.colors import unlabel_rgb

from overthink.sweep.figures import FEWEST_FOR_IMPORTANCE, SHADES, sweep_figures
from overthink.sweep.page import NO_IMPORTANCES, sweep_page
from overthink.sweep.results import results_of
from support.small_sweep import tiny_sweep

HISTORY = "val/accuracy/last: each trial, and the best so far"
SLICE = "val/accuracy/last: over each parameter"
IMPORTANCE = "val/accuracy/last: importance of each parameter that varied (PED-ANOVA)"


def made_up(count: int, growths: tuple[int, ...] = (2, 4)) -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    for number in range(count):
        params = {"regime.0.lr": 0.01 * (number + 1), "network.growth": growths[number % len(growths)]}
        distributions = {
            "regime.0.lr": optuna.distributions.FloatDistribution(0.01, 0.4),
            "network.growth": optuna.distributions.CategoricalDistribution([2, 4]),
        }
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=0.5 + number / 100))
    return study


def test_no_line_fades_on_white_and_values_are_those_of_the_table(tmp_path: Path) -> None:
    figures = {one.caption: one.figure for one in sweep_figures(tiny_sweep(tmp_path), made_up(8))}
    assert max(figures[HISTORY].data[0].y) == pytest.approx(0.57)
    assert figures[HISTORY].layout.yaxis.tickformat is None
    parallel = figures["val/accuracy/last: all parameters of each trial"]
    lines = [trace.line.color for trace in parallel.data if trace.mode == "lines"]
    assert len(lines) == 8
    assert {*lines} <= {*SHADES}
    assert {SHADES[0], SHADES[-1]} <= {*lines}  # the worst and the best
    assert all(min(unlabel_rgb(shade)) < 90 for shade in SHADES)


def test_figures_speak_our_words_and_count_trials_in_whole_numbers(tmp_path: Path) -> None:
    figures = {one.caption: one.figure for one in sweep_figures(tiny_sweep(tmp_path), made_up(FEWEST_FOR_IMPORTANCE))}
    text = " ".join(figure.to_json() for figure in figures.values())
    for word in ("Best Value", "Feasible", "Infeasible", "Hyperparameter", "COMPLETE", "Datetime", '"Trial"'):
        assert word not in text
    history = figures[HISTORY]
    assert (history.layout.xaxis.title.text, history.layout.xaxis.dtick) == ("trial", 2)
    assert [trace.name for trace in history.data][:2] == ["val/accuracy/last", "best so far"]
    assert figures[SLICE].data[0].marker.colorbar.dtick == 2
    few = {one.caption: one.figure for one in sweep_figures(tiny_sweep(tmp_path), made_up(2))}
    assert few[HISTORY].layout.xaxis.dtick == few[SLICE].data[0].marker.colorbar.dtick == 1


def test_importances_need_trials_and_parameters_that_vary(tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path)
    for study, shown in (
        (made_up(FEWEST_FOR_IMPORTANCE), True),
        (made_up(FEWEST_FOR_IMPORTANCE - 1), False),
        (made_up(FEWEST_FOR_IMPORTANCE, growths=(2,)), False),
    ):
        assert (IMPORTANCE in [one.caption for one in sweep_figures(loaded, study)]) == shown
        assert (NO_IMPORTANCES in sweep_page(loaded, study, results_of(loaded, study))) != shown
