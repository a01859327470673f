"""The figures of a study: Optuna's own, in our page's dress. Those that need more trials than there are stay away."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import optuna.visualization as drawn
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from overthink.report.pages import Captioned
from overthink.sweep.definition import LoadedSweep

FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
MOST_OBJECTIVES_DRAWN = 3
"""A Pareto front of four objectives has no picture."""


def sweep_figures(loaded: LoadedSweep, study: Study) -> list[Captioned]:
    """Return history, Pareto front, importances, slices, parallel coordinates and timeline."""
    metrics = [objective.metric for objective in loaded.sweep.objectives]
    complete = sum(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
    figures: list[Captioned] = []
    if complete and 2 <= len(metrics) <= MOST_OBJECTIVES_DRAWN:
        front = _drawn(drawn.plot_pareto_front, study, target_names=metrics)
        figures += [
            Captioned("Trials, and those that no other one beats in everything", figure, wide=True) for figure in front
        ]
    for place, metric in enumerate(metrics):
        named: dict[str, Any] = {"target_name": metric, "target": _target(place) if len(metrics) > 1 else None}
        if complete:
            figures += [
                Captioned(f"{metric}: each trial, and the best so far", figure)
                for figure in _drawn(drawn.plot_optimization_history, study, **named)
            ]
        if complete > 1 and len(loaded.sweep.space) > 1:
            figures += [
                Captioned(f"{metric}: how much each parameter mattered (PED-ANOVA)", figure)
                for figure in _drawn(drawn.plot_param_importances, study, **named)
            ]
        if complete > 1:
            figures += [
                Captioned(f"{metric}: over each parameter", figure, wide=True)
                for figure in _drawn(drawn.plot_slice, study, **named)
            ]
        if complete > 1 and len(loaded.sweep.space) > 1:
            figures += [
                Captioned(f"{metric}: all parameters of each trial", figure, wide=True)
                for figure in _drawn(drawn.plot_parallel_coordinate, study, **named)
            ]
    if loaded.sweep.pruner is not None:
        figures += [
            Captioned("Trials as they were trained; those that end early were pruned", figure)
            for figure in _drawn(drawn.plot_intermediate_values, study)
        ]
    if study.trials:
        figures += [
            Captioned("When each trial ran", figure, wide=True) for figure in _drawn(drawn.plot_timeline, study)
        ]
    return figures


def _target(place: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: float(trial.values[place])


def _drawn(draw: Callable[..., Any], study: Study, **named: Any) -> Iterator[Any]:
    """Yield the figure in our dress, or nothing where the trials cannot carry it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what few trials cannot show, and what is experimental in Optuna
            figure = draw(study, **named)
    except (ValueError, RuntimeError):  # equal values have no importances, and a parameter may be in no trial
        return
    figure.update_layout(
        title=None,
        template="plotly_white",
        font={"family": FONT, "size": 12},
        margin={"t": 20, "r": 20},
        width=None,
        showlegend=figure.layout.showlegend,
    )
    yield figure
