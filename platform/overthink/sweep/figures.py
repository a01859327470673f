"""The figures of a study: Optuna's own, in the style of our pages, as far as there are enough trials."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import optuna.visualization as drawn
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from overthink.comparison.ranges import is_rate
from overthink.report.figures.style import FONT, INK, exit_colours, over_plotlys_own
from overthink.report.pages import Captioned
from overthink.sweep.definition import LoadedSweep

SHADES = exit_colours(9)
"""From the worst trial, or the first one, to the best or last; Optuna's begin with white."""
PALEST, DARKEST = 247, 8
"""Red of Optuna's shades of blue, by which its lines are told."""
MOST_OBJECTIVES_DRAWN = 3
"""Optuna draws Pareto fronts of two and three objectives."""


def sweep_figures(loaded: LoadedSweep, study: Study) -> list[Captioned]:
    """Return history, Pareto front, importances, slices, parallel coordinates and timeline."""
    objectives, several_parameters = loaded.sweep.objectives, len(loaded.sweep.space) > 1
    complete = sum(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
    figures: list[Captioned] = []

    def add(
        show: bool, caption: str, draw: Callable[..., Any], wide: bool = False, rates: str = "", **named: Any
    ) -> None:
        """Add a figure; `rates` are the axes, of x and y, whose values are rates."""
        if show:
            figures.extend(Captioned(caption, _styled(figure, rates), wide) for figure in _drawn(draw, study, **named))

    if 2 <= len(objectives) <= MOST_OBJECTIVES_DRAWN:
        names = [one.metric for one in objectives]
        rates = "".join(axis for axis, name in zip("xy", names, strict=False) if is_rate(name))
        add(complete > 0, "Trials and Pareto front", drawn.plot_pareto_front, True, rates, target_names=names)
    for place, one in enumerate(objectives):
        of: dict[str, Any] = {"target_name": one.metric, "target": _target(place) if len(objectives) > 1 else None}
        compared, rates = complete > 1 and several_parameters, "y" if is_rate(one.metric) else ""
        history = drawn.plot_optimization_history
        add(complete > 0, f"{one.metric}: each trial, and the best so far", history, rates=rates, **of)
        add(compared, f"{one.metric}: importance of each parameter (PED-ANOVA)", drawn.plot_param_importances, **of)
        add(complete > 1, f"{one.metric}: over each parameter", drawn.plot_slice, True, rates, **of)
        add(compared, f"{one.metric}: all parameters of each trial", drawn.plot_parallel_coordinate, wide=True, **of)
    pruned = loaded.sweep.pruner is not None
    during = "y" if is_rate(objectives[0].metric) else ""
    caption = "Trials during training; those that end early were pruned"
    add(pruned, caption, drawn.plot_intermediate_values, rates=during)
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
    yield figure


def _styled(figure: Any, rates: str) -> Any:
    """Return a figure of Optuna's in our style: percent, and lines that are seen on white."""
    figure.layout.template = over_plotlys_own()
    figure.update_layout(
        title=None,
        font={"family": FONT, "size": 12, "color": INK},
        margin={"t": 20, "r": 20},
        width=None,
        showlegend=figure.layout.showlegend,
    )
    for axis, update in (("x", figure.update_xaxes), ("y", figure.update_yaxes)):
        if axis in rates:
            update(tickformat=".1%")
    shades = [[place / (len(SHADES) - 1), shade] for place, shade in enumerate(SHADES)]
    for trace in figure.data:
        if "marker" in trace and trace.marker.colorscale is not None:
            trace.marker.colorscale = shades
        if trace.type == "scatter" and str(trace.line.color).startswith("rgb("):
            trace.update(opacity=0.9, line={"color": _shade(trace.line.color), "width": 1.8})
    return figure


def _shade(blue: str) -> str:
    """Return our shade for one of Optuna's shades of blue, `rgb(107, 174, 214)`."""
    red = float(blue.removeprefix("rgb(").split(",")[0])
    return SHADES[round((len(SHADES) - 1) * min(max((PALEST - red) / (PALEST - DARKEST), 0), 1))]
