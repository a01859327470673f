"""The figures of a study: Optuna's own, in the style of our pages, as far as there are enough trials."""

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
"""Optuna draws Pareto fronts of two and three objectives."""


def sweep_figures(loaded: LoadedSweep, study: Study) -> list[Captioned]:
    """Return history, Pareto front, importances, slices, parallel coordinates and timeline."""
    objectives, several_parameters = loaded.sweep.objectives, len(loaded.sweep.space) > 1
    complete = sum(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
    figures: list[Captioned] = []

    def add(show: bool, caption: str, draw: Callable[..., Any], wide: bool = False, **named: Any) -> None:
        if show:
            figures.extend(Captioned(caption, figure, wide) for figure in _drawn(draw, study, **named))

    if 2 <= len(objectives) <= MOST_OBJECTIVES_DRAWN:
        names = [one.metric for one in objectives]
        add(complete > 0, "Trials and Pareto front", drawn.plot_pareto_front, wide=True, target_names=names)
    for place, one in enumerate(objectives):
        of: dict[str, Any] = {"target_name": one.metric, "target": _target(place) if len(objectives) > 1 else None}
        compared = complete > 1 and several_parameters
        add(complete > 0, f"{one.metric}: each trial, and the best so far", drawn.plot_optimization_history, **of)
        add(compared, f"{one.metric}: importance of each parameter (PED-ANOVA)", drawn.plot_param_importances, **of)
        add(complete > 1, f"{one.metric}: over each parameter", drawn.plot_slice, wide=True, **of)
        add(compared, f"{one.metric}: all parameters of each trial", drawn.plot_parallel_coordinate, wide=True, **of)
    pruned = loaded.sweep.pruner is not None
    add(pruned, "Trials during training; those that end early were pruned", drawn.plot_intermediate_values)
    add(bool(study.trials), "When each trial ran", drawn.plot_timeline, wide=True)
    return figures


def _target(place: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: float(trial.values[place])


def _drawn(draw: Callable[..., Any], study: Study, **named: Any) -> Iterator[Any]:
    """Yield the figure in our style; nothing if the trials do not suffice for it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # too few trials, experimental features of Optuna
            figure = draw(study, **named)
    except (ValueError, RuntimeError):  # equal values, a parameter that is in no trial
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
