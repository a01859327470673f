"""Several groups of runs in one plot: a curve each, with the interval of its mean over seeds at every point.

`overlay` has the numbers; `groups_page` draws them for a page, `groups_paper` for a paper.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from overthink.inference.budgeted import budgeted_batch, lookup_table
from overthink.metrics.accuracy import accuracy
from overthink.metrics.overthinking import final_overthinking_rate, overthinking_rate
from overthink.predictions.absent import CostUnit, needed
from overthink.predictions.correctness import Samples, same_samples
from overthink.predictions.predictions import Predictions
from overthink.report.figures.over_runs import check_comparable, interval_over_runs, mean_over_runs
from overthink.report.figures.style import cost_title
from overthink.sentences import listed
from overthink.statistics.estimate import estimate
from overthink.study.depth import distribution, prediction_depth

Splits = tuple[Predictions, ...]
"""Of one run: its test predictions, or validation and test."""


ASIDE = "Points of an exit stand side by side, around its place."
SHIFT, WIDEST = 0.012, 0.04
"""Between curves that are drawn side by side, and between the first and the last, relative to the axis."""


class Curve(NamedTuple):
    """One curve of a group. Rates are fractions; P points."""

    group: str
    name: str
    """What it is of, where a group has several; else empty."""
    n: int
    """Runs, each with seeds of its own."""
    x_P: tuple[float, ...]
    """Costs in the overlay's unit, or numbers of exits."""
    mean_P: tuple[float, ...]
    low_P: tuple[float, ...] | None
    high_P: tuple[float, ...] | None
    """Ends of the 95% interval of the mean over seeds, cut to 0 and 1; None for one run."""


class Overlay(NamedTuple):
    """Curves of several groups that share their axes."""

    caption: str
    x_title: str
    y_title: str
    unit: CostUnit | None
    """Of costs along x; None where x counts exits or epochs."""
    has_exits: bool
    """Whether points are exits, so that they are marked."""
    from_zero: bool
    """Whether the axis of rates begins at 0."""
    curves: tuple[Curve, ...]
    over: str = "seeds"
    """What means are over."""
    holds_for: str = "new seeds, on these test samples"
    """What intervals hold for."""
    not_covered: str = ""
    """A sentence on what they do not cover; empty where there is nothing."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups, in order."""
        return tuple(dict.fromkeys(curve.group for curve in self.curves))

    @property
    def names(self) -> tuple[str, ...]:
        """What the curves of a group are of; empty where a group has one curve."""
        return tuple(filter(None, dict.fromkeys(curve.name for curve in self.curves)))

    def number(self, curve: Curve) -> int:
        """Return which of a group's curves it is, from 0 on: renderers draw each in its own way."""
        return self.names.index(curve.name) if curve.name else 0

    @property
    def sentence(self) -> str:
        """What bars or bands are, and how many runs stand behind a curve."""
        counts = {curve.group: curve.n for curve in self.curves}
        runs = ", ".join(f"{group} n = {n}" for group, n in counts.items())
        if not self.has_intervals:
            return f"{self.caption}. Means over {self.over} ({runs})."
        drawn, aside = ("bar", f" {ASIDE}") if self.has_exits else ("band", "")
        none = "; none for n = 1" if 1 in counts.values() else ""
        but = f" {self.not_covered}" if self.not_covered else ""
        intervals = f"{drawn}s: 95% interval of the mean for {self.holds_for}{none}"
        return f"{self.caption}. Means over {self.over} ({runs}); {intervals}.{aside}{but}"

    @property
    def has_intervals(self) -> bool:
        """Whether any curve has one."""
        return any(curve.low_P is not None for curve in self.curves)

    @property
    def shifts(self) -> list[float]:
        """How far to the side each curve is drawn, in units of x: where points are exits with bars, to be read."""
        count, x = len(self.curves), sorted({x for curve in self.curves for x in curve.x_P})
        if not self.has_exits or not self.has_intervals or len(x) < 2:
            return [0.0] * count
        nearest = min(b - a for curve in self.curves for a, b in pairwise(curve.x_P))
        width = x[-1] - x[0]
        step = min(SHIFT * width, WIDEST * width / count, nearest / (2 * count))
        return [step * (place - (count - 1) / 2) for place in range(count)]


class Kind(NamedTuple):
    """What an overlay can show."""

    caption: str
    y_title: str
    splits: tuple[str, ...]
    """The predictions that it needs."""
    over_cost: bool
    has_exits: bool
    from_zero: bool
    values: Callable[[Sequence[Splits]], dict[str, list[Sequence[float]]]]
    """Runs -> name of a curve -> numbers of each run."""


def _accuracy(runs: Sequence[Splits]) -> dict[str, list[Sequence[float]]]:
    return {"": [accuracy(test.correct_EN).tolist() for (test,) in runs]}


def _overthinking(runs: Sequence[Splits]) -> dict[str, list[Sequence[float]]]:
    """Return the rates of the network that ends at each exit: 0 at the first, the network's own at the last."""
    return {
        name: [[rate(test.correct_EN[:last]) for last in range(1, test.n_exits + 1)] for (test,) in runs]
        for name, rate in (("any later", overthinking_rate), ("final", final_overthinking_rate))
    }


def _depth(runs: Sequence[Splits]) -> dict[str, list[Sequence[float]]]:
    predicted_REN = np.stack([needed(test.predicted_EN, "classes") for (test,) in runs])
    return {"": distribution(prediction_depth(predicted_REN), predicted_REN.shape[1]).tolist()}


def _budget(runs: Sequence[Splits]) -> dict[str, list[Sequence[float]]]:
    batches = [budgeted_batch(lookup_table(validation), test) for validation, test in runs]
    return {COST: [one.mean_cost_P.tolist() for one in batches], "": [one.accuracy_P.tolist() for one in batches]}


COST = "cost"
"""Of numbers that are no curve, but costs of its points, where each run has its own."""
KINDS = {
    "accuracy": Kind("Accuracy of each exit", "accuracy on test data (%)", ("test",), True, True, False, _accuracy),
    "overthinking": Kind(
        "Overthinking of the network that ends at an exit",
        "overthinking on test data (%)",
        ("test",),
        True,
        True,
        True,
        _overthinking,
    ),
    "budget": Kind(
        "Accuracy under a budget (Algorithm 1, thresholds from validation data)",
        "accuracy on test data (%)",
        ("val", "test"),
        True,
        False,
        False,
        _budget,
    ),
    "depth": Kind(
        "Prediction depth: the exit from which on the answer stays the same",
        "% of test samples",
        ("test",),
        False,
        True,
        True,
        _depth,
    ),
}


def overlay(kind: str, groups: Mapping[str, Sequence[Splits]]) -> Overlay:
    """Return an overlay of groups by name, each of one run or more with the predictions that the kind needs.

    Exits stand side by side where costs are not known of all groups. Raises ValueError where costs are in different
    units, or where predictions lack what is needed.
    """
    what = KINDS[kind]
    unit = _unit([runs[0][-1] for runs in groups.values()]) if what.over_cost else None
    curves = [curve for name, runs in groups.items() for curve in _curves(what, name, runs, unit)]
    return Overlay(
        what.caption,
        cost_title(unit, per_sample=not what.has_exits),
        what.y_title,
        unit,
        what.has_exits,
        what.from_zero,
        tuple(curves),
        holds_for=new_seeds({name: [of_splits[-1] for of_splits in runs] for name, runs in groups.items()}, "test"),
    )


def new_seeds(groups: Mapping[str, Sequence[Samples]], samples: str) -> str:
    """Return what intervals over the runs of each group hold for: these samples, where all runs have the same."""
    apart = [name for name, runs in groups.items() if not all(same_samples(one, runs[0]) for one in runs)]
    own = f" (runs of {listed(apart)} each on its own)" if apart else ""
    return f"new seeds, on these {samples} samples{own}"


def _unit(tests: Sequence[Predictions]) -> CostUnit | None:
    units = {test.cost_unit for test in tests if test.cost_E is not None}
    if len(units) > 1:
        raise ValueError(f"groups drawn together need costs in one unit, got {' and '.join(sorted(units))}")
    return None if any(test.cost_E is None for test in tests) else units.pop()


def _curves(what: Kind, group: str, runs: Sequence[Splits], unit: CostUnit | None) -> list[Curve]:
    tests = [of_splits[-1] for of_splits in runs]
    check_comparable(tests)
    found = what.values(runs)
    costs = found.pop(COST, None)
    if costs is None:
        known = None if unit is None else tests[0].cost_E
        x_P = tuple(map(float, range(1, tests[0].n_exits + 1) if known is None else known.tolist()))
    else:
        x_P = mean_over_runs(np.array(costs))
    return [curve_of(group, name, x_P, values_RP) for name, values_RP in found.items()]


def curve_of(group: str, name: str, x_P: tuple[float, ...], values_RP: Sequence[Sequence[float]]) -> Curve:
    """Return the curve of R runs with rates at the same points: means over runs, intervals over seeds.

    Where all runs are equal there is no interval, and its ends are the mean.
    """
    mean_P = tuple(estimate(values_R).mean for values_R in zip(*values_RP, strict=True))
    return Curve(group, name, len(values_RP), x_P, mean_P, *(interval_over_runs(values_RP) or (None, None)))


HEADINGS = ("group", "curve", "runs", "x", "mean", "low", "high")


def as_rows(info: Overlay) -> list[tuple[str | float, ...]]:
    """Return the numbers of an overlay, a row a point: `HEADINGS`; rates as fractions, costs in the overlay's unit."""
    return [
        (curve.group, curve.name, curve.n, x, mean, *ends)
        for curve in info.curves
        for x, mean, ends in zip(curve.x_P, curve.mean_P, _ends(curve), strict=True)
    ]


def _ends(curve: Curve) -> list[tuple[str | float, str | float]]:
    if curve.low_P is None or curve.high_P is None:
        return [("", "")] * len(curve.x_P)
    return [(low, high) if low < high else ("", "") for low, high in zip(curve.low_P, curve.high_P, strict=True)]
