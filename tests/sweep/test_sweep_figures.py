"""Optuna's figures in our style."""

from pathlib import Path

import optuna
from plotly.colors import unlabel_rgb

from overthink.sweep.figures import SHADES, sweep_figures
from support.small_sweep import tiny_sweep


def test_rates_are_percent_and_no_line_fades_on_white(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    for number in range(8):
        params = {"regime.0.lr": 0.01 * (number + 1), "network.growth": 2 + 2 * (number % 2)}
        distributions = {
            "regime.0.lr": optuna.distributions.FloatDistribution(0.01, 0.2),
            "network.growth": optuna.distributions.CategoricalDistribution([2, 4]),
        }
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=0.5 + number / 100))
    figures = {one.caption: one.figure for one in sweep_figures(tiny_sweep(tmp_path), study)}
    assert figures["val/accuracy/last: each trial, and the best so far"].layout.yaxis.tickformat == ".1%"
    assert figures["val/accuracy/last: over each parameter"].layout.yaxis.tickformat == ".1%"
    parallel = figures["val/accuracy/last: all parameters of each trial"]
    lines = [trace.line.color for trace in parallel.data if trace.mode == "lines"]
    assert len(lines) == 8
    assert {*lines} <= {*SHADES}
    assert {SHADES[0], SHADES[-1]} <= {*lines}  # the worst and the best
    assert all(min(unlabel_rgb(shade)) < 90 for shade in SHADES)
