"""Objectives and constraints of a sweep: metrics on validation data, aggregated over a trial's seeds."""

import re
from collections.abc import Sequence
from statistics import fmean
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from overthink.definition.run_definition import GroupDefinition
from overthink.policy.catalogue import describe
from overthink.spec import Spec
from overthink.statistics.estimate import TIE, estimate

Direction = Literal["maximize", "minimize"]
OverSeeds = Literal["mean", "mean-minus-std", "worst"]
LABELS = "labels"
"""Metrics of the early-exit data set: they need a trained main network, but no policy network."""
NETWORK = "network"
"""Metrics that are known before training."""
_UNTRAINED = {
    NETWORK: (r"(mul_adds|parameters)/exit_[1-9][0-9]{0,3}", "network/mul_adds/exit_N, network/parameters/exit_N"),
    LABELS: (r"balance|left_out|share/exit_[1-9][0-9]{0,3}", "labels/balance, labels/left_out, labels/share/exit_N"),
}
"""Kind -> pattern of its metrics' names, and the names as text."""


class _Measured(Spec):
    metric: str
    """`val/accuracy/last`: any metric of the catalogue on validation data; `network/mul_adds/exit_5`; of the early-exit
    data set, `labels/balance`, `labels/share/exit_1`, `labels/left_out`.
    """
    over_seeds: OverSeeds = "mean"


class Objective(_Measured):
    """A metric to maximize or minimize."""

    direction: Direction | None = None
    """Default: the direction in which the metric improves."""

    @property
    def goal(self) -> Direction:
        """The direction, or its default; raises ValueError if the metric has none."""
        if self.direction is not None:
            return self.direction
        better = "lower" if self.metric.startswith(NETWORK) else _better(self.metric)
        if better == "none":
            raise ValueError(f"{self.metric} has no default direction; add direction: maximize or direction: minimize")
        return "maximize" if better == "higher" else "minimize"

    def over(self, values: Sequence[float]) -> float:
        """Aggregate the values of a trial's seeds to one number."""
        return over_seeds(values, self.over_seeds, self.goal)


class Constraint(_Measured):
    """A bound on a metric; a trial that breaks it cannot be the best."""

    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"{self.metric}: a constraint needs either at_most or at_least")
        return self

    def excess(self, values: Sequence[float]) -> float:
        """Return by how much the values exceed the bound, in the metric's unit; 0 or less if they keep it.

        A mean over seeds that misses the bound by its rounding alone keeps it.
        """
        if self.at_most is not None:
            bound, excess = self.at_most, over_seeds(values, self.over_seeds, "minimize") - self.at_most
        else:
            assert self.at_least is not None
            bound, excess = self.at_least, self.at_least - over_seeds(values, self.over_seeds, "maximize")
        return 0.0 if abs(excess) <= TIE * max(1.0, abs(bound)) else excess

    @property
    def label(self) -> str:
        """The bound as text: `val/accuracy/last >= 0.5`."""
        return (
            f"{self.metric} <= {self.at_most:g}" if self.at_most is not None else f"{self.metric} >= {self.at_least:g}"
        )


Objectives = Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4)]


def over_seeds(values: Sequence[float], how: OverSeeds, goal: Direction) -> float:
    """Return the mean of values, the mean moved one standard deviation to the worse side, or the worst value."""
    if how == "worst":
        return min(values) if goal == "maximize" else max(values)
    deviation = estimate(values).std if how == "mean-minus-std" else None
    return fmean(values) - (deviation or 0.0) * (1 if goal == "maximize" else -1)


def check_metric(metric: str, definition: GroupDefinition) -> None:
    """Raise ValueError if runs of a definition do not have a metric, or if it is of test data."""
    split, _, name = metric.partition("/")
    policy = definition.policy
    if split == "test":
        raise ValueError(f"{metric} is of test data, which must not select anything; use val/{name} (validation data)")
    if split == "val":
        _check_val(metric, name, definition)
    elif split not in _UNTRAINED:
        raise ValueError(f"{metric!r} must start with val/, network/ or labels/")
    elif not re.fullmatch(_UNTRAINED[split][0], name):
        raise ValueError(f"unknown metric {metric!r}; known: {_UNTRAINED[split][1]}")
    if split == LABELS and policy is None:
        raise ValueError(
            f"{metric} is of an early-exit data set, but {definition.network.label} is not a policy network"
        )
    exits = definition.network.blocks if policy is None or split == NETWORK else policy.of.network.blocks
    if any(int(number) > exits for number in re.findall(r"exit_(\d+)", metric)):
        raise ValueError(f"{metric}: the network has {exits} exits")


def _check_val(metric: str, name: str, definition: GroupDefinition) -> None:
    known = describe(name)
    if name.startswith("policy/") != (definition.policy is not None):
        kind = "a multi-exit network" if definition.policy is None else "a policy network"
        raise ValueError(f"{metric} is not a metric of {kind}")
    if known.needs_validation:
        raise ValueError(f"{metric} uses a choice made on validation data, so it exists for test data only")


def value_at_epoch(metric: str, accuracy_E: Sequence[float]) -> float | None:
    """Return a metric's value by the validation accuracies of an epoch; None if it is not known after each epoch."""
    if metric in ("val/accuracy/last", "val/policy/accuracy"):
        return float(accuracy_E[-1])
    if metric == "val/accuracy/mean":
        return fmean(accuracy_E)
    found = re.fullmatch(r"val/accuracy/exit_(\d+)", metric)
    return float(accuracy_E[int(found[1]) - 1]) if found else None


def _better(metric: str) -> str:
    if metric.startswith(LABELS):
        return {"labels/balance": "higher", "labels/left_out": "lower"}.get(metric, "none")
    return describe(metric.partition("/")[2]).direction
