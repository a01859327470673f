"""The figures of a study: Optuna's own, in the style and words of our pages, as far as there are enough trials.

Values are as in the sweep's definition and tables: rates are fractions.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import optuna.visualization as drawn
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from overthink.report.figures.style import FONT, INK, exit_colours, over_plotlys_own
from overthink.report.pages import Captioned
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.figure_words import in_our_words

SHADES = exit_colours(9)
"""From the worst trial, or the first one, to the best or last; Optuna's begin with white."""
PALEST, DARKEST = 247, 8
"""Red of Optuna's shades of blue, by which its lines are told."""
FEWEST_FOR_IMPORTANCE = 20
"""PED-ANOVA compares the best tenth of the trials with all of them: with fewer, it compares a single one."""
MOST_OBJECTIVES_DRAWN = 3
"""Optuna draws Pareto fronts of two and three objectives."""


def sweep_figures(loaded: LoadedSweep, study: Study) -> list[Captioned]:
    """Return history, Pareto front, importances, slices, parallel coordinates and timeline."""
    objectives, several_parameters = loaded.sweep.objectives, len(loaded.sweep.space) > 1
    complete = _complete(study)
    figures: list[Captioned] = []

    def add(show: bool, caption: str, draw: Callable[..., Any], wide: bool = False, **named: Any) -> None:
        if show:
            drawn_ones = (_styled(in_our_words(figure, metric)) for figure in _drawn(draw, study, **named))
            figures.extend(Captioned(caption, figure, wide) for figure in drawn_ones)

    metric = objectives[0].metric
    if 2 <= len(objectives) <= MOST_OBJECTIVES_DRAWN:
        names = [one.metric for one in objectives]
        add(bool(complete), "Trials and Pareto front", drawn.plot_pareto_front, True, target_names=names)
    for place, one in enumerate(objectives):
        of: dict[str, Any] = {"target_name": one.metric, "target": _target(place) if len(objectives) > 1 else None}
        compared = len(complete) > 1 and several_parameters
        important = "importance of each parameter that varied (PED-ANOVA)"
        varied, importances = _varied(complete), drawn.plot_param_importances
        add(bool(complete), f"{one.metric}: each trial, and the best so far", drawn.plot_optimization_history, **of)
        add(has_importances(study), f"{one.metric}: {important}", importances, params=varied, **of)
        add(len(complete) > 1, f"{one.metric}: over each parameter", drawn.plot_slice, True, **of)
        add(compared, f"{one.metric}: all parameters of each trial", drawn.plot_parallel_coordinate, wide=True, **of)
    pruned = loaded.sweep.pruner is not None
    add(pruned, "Trials during training; those that end early were pruned", drawn.plot_intermediate_values)
    add(bool(study.trials), "When each trial ran", drawn.plot_timeline, wide=True)
    return figures


def has_importances(study: Study) -> bool:
    """Tell whether importances of parameters are drawn: several vary, and the best tenth of the trials is several."""
    complete = _complete(study)
    return len(complete) >= FEWEST_FOR_IMPORTANCE and len(_varied(complete)) > 1


def _complete(study: Study) -> list[FrozenTrial]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]


def _varied(trials: Sequence[FrozenTrial]) -> list[str]:
    """Return the parameters that all trials have, with different values."""
    first, *others = [trial.params for trial in trials] or [{}]
    of_all = [name for name in first if all(name in params for params in others)]
    return [name for name in of_all if any(params[name] != first[name] for params in others)]


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
    if len(figure.data):
        yield figure


def _styled(figure: Any) -> Any:
    """Return a figure of Optuna's in our style, with lines that are seen on white."""
    figure.layout.template = over_plotlys_own()
    figure.update_layout(
        title=None,
        font={"family": FONT, "size": 12, "color": INK},
        margin={"t": 20, "r": 20},
        width=None,
        showlegend=figure.layout.showlegend,
    )
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
