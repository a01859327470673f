"""Optuna's figures in the words of our pages, with whole numbers of trials and epochs along axes and colours."""

import re
from typing import Any

from overthink.store import tags

OUTSIDE, WITHIN = "outside its bounds", "within its bounds"
TRIAL, EPOCH = "trial", "epoch"
WORDS = {
    "Best Value": "best so far",
    "Best Trial": "on the Pareto front",
    "Infeasible Trial": OUTSIDE,
    "Infeasible": OUTSIDE,
    "Feasible Trial": WITHIN,
    "Feasible": WITHIN,
    "Trial": TRIAL,
    "Step": EPOCH,
    "Hyperparameter Importance": "importance",
    "Hyperparameter": "parameter",
    "Datetime": "",
    "COMPLETE": tags.FINISHED,
    "PRUNED": tags.PRUNED,
    "FAIL": tags.FAILED,
    "RUNNING": tags.RUNNING,
}
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MOST_TICKS = 10


def in_our_words(figure: Any, metric: str) -> Any:
    """Return the figure; `metric` is what trials reported during their training."""
    words = WORDS | {"Intermediate Value": metric}
    for trace in figure.data:
        if trace.name:
            trace.name = _said(trace.name, words)
        if isinstance(trace.hovertemplate, str):
            trace.hovertemplate = re.sub(
                "<extra>(.*?)</extra>", lambda found: f"<extra>{_said(found[1], words)}</extra>", trace.hovertemplate
            )
        if "marker" in trace and trace.marker.colorbar.title.text:
            _say_colours(trace.marker, words)
    for letter, axes in (("x", figure.select_xaxes()), ("y", figure.select_yaxes())):
        for axis in axes:
            axis.title.text = _said(axis.title.text or "", words)
            if axis.title.text in (TRIAL, EPOCH):
                axis.dtick = _step([value for trace in figure.data for value in _numbers(trace[letter])])
    return figure


def _say_colours(marker: Any, words: dict[str, str]) -> None:
    marker.colorbar.title.text = _said(marker.colorbar.title.text, words)
    if marker.colorbar.title.text == TRIAL:
        marker.colorbar.dtick = _step(_numbers(marker.color))


def _said(text: str, words: dict[str, str]) -> str:
    return words.get(text, re.sub(r"^Trial(\d+)$", r"trial \1", text))


def _numbers(values: Any) -> list[float]:
    """Return numbers of plotly's, which may be none, or one text of a colour."""
    return [] if values is None or isinstance(values, str) else [float(v) for v in values if isinstance(v, int | float)]


def _step(values: list[float]) -> int:
    """Return a whole number between ticks."""
    width = max(values, default=0) - min(values, default=0)
    return next((step for step in STEPS if step * MOST_TICKS >= width), STEPS[-1])
