"""What a sweep looks for: objectives and constraints, on validation data, put together over a trial's seeds."""

import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from overthink.definition.run_definition import GroupDefinition
from overthink.policy.catalogue import describe
from overthink.spec import Spec
from overthink.statistics.estimate import estimate

Direction = Literal["maximize", "minimize"]
OverSeeds = Literal["mean", "mean-minus-std", "worst"]
LABELS = "labels"
"""Metrics under this name are of the early-exit data set, which needs a main network but trains no policy network."""
NETWORK = "network"
"""Metrics under this name are known before anything is trained."""
_NETWORK_METRIC = re.compile(r"network/(mul_adds|parameters)/exit_([1-9][0-9]{0,3})")
_LABEL_METRIC = re.compile(r"labels/(balance|left_out|share/exit_([1-9][0-9]{0,3}))")


class _Measured(Spec):
    metric: str
    """`val/accuracy/last`: any metric of the catalogue on validation data; `network/mul_adds/exit_5`; of the early-exit
    data set, `labels/balance`, `labels/share/exit_1`, `labels/left_out`.
    """
    over_seeds: OverSeeds = "mean"


class Objective(_Measured):
    """A number that is to be as high, or as low, as it can be."""

    direction: Direction | None = None
    """Left out: the way in which the metric is better."""

    @property
    def way(self) -> Direction:
        """The direction; raises ValueError where neither way is better by itself and none is said."""
        if self.direction is not None:
            return self.direction
        better = "lower" if self.metric.startswith(NETWORK) else _better(self.metric)
        if better == "none":
            raise ValueError(f"{self.metric} is neither better high nor low: say direction: maximize or minimize")
        return "maximize" if better == "higher" else "minimize"

    def over(self, values: Sequence[float]) -> float:
        """Return one number for the values of a trial's seeds."""
        return over_seeds(values, self.over_seeds, self.way)


class Constraint(_Measured):
    """A bound that a trial must keep to be called best."""

    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"{self.metric}: a constraint has one of at_most and at_least")
        return self

    def excess(self, values: Sequence[float]) -> float:
        """Return by how much the seeds' values break the bound, in the metric's unit; 0 or less where they keep it."""
        if self.at_most is not None:
            return over_seeds(values, self.over_seeds, "minimize") - self.at_most
        assert self.at_least is not None
        return self.at_least - over_seeds(values, self.over_seeds, "maximize")

    @property
    def said(self) -> str:
        """The bound in a few words."""
        return (
            f"{self.metric} <= {self.at_most:g}" if self.at_most is not None else f"{self.metric} >= {self.at_least:g}"
        )


Objectives = Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4)]


def over_seeds(values: Sequence[float], how: OverSeeds, way: Direction) -> float:
    """Return the mean of some values, the mean moved by one deviation to the worse side, or the worst of them."""
    if how == "worst":
        return min(values) if way == "maximize" else max(values)
    deviation = estimate(values).std if how == "mean-minus-std" else None
    return fmean(values) - (deviation or 0.0) * (1 if way == "maximize" else -1)


def check_metric(metric: str, definition: GroupDefinition) -> None:
    """Raise ValueError where runs of a definition have no such metric, or where it is of test data."""
    split, _, name = metric.partition("/")
    exits = definition.network.blocks
    if split == "test":
        raise ValueError(f"{metric} is of test data, which select nothing; val/{name} is of validation data")
    if split == NETWORK:
        found = _NETWORK_METRIC.fullmatch(metric)
        if found is None:
            raise ValueError(
                f"unknown metric {metric!r}; there are network/mul_adds/exit_N and network/parameters/exit_N"
            )
    elif split == LABELS:
        found = _LABEL_METRIC.fullmatch(metric)
        if found is None:
            raise ValueError(
                f"unknown metric {metric!r}; there are labels/balance, labels/left_out, labels/share/exit_N"
            )
        if definition.policy is None:
            raise ValueError(
                f"{metric} is of an early-exit data set, and {definition.network.label} is no policy network"
            )
        exits = definition.policy.of.network.blocks
    elif split == "val":
        _check_val(metric, name, definition)
        exits = exits if definition.policy is None else definition.policy.of.network.blocks
    else:
        raise ValueError(f"{metric!r} starts with none of val/, network/, labels/")
    numbers = [int(number) for number in re.findall(r"exit_(\d+)", metric)]
    if any(number > exits for number in numbers):
        raise ValueError(f"{metric}: the network has {exits} exits")


def _check_val(metric: str, name: str, definition: GroupDefinition) -> None:
    known = describe(name)
    if name.startswith("policy/") != (definition.policy is not None):
        kind = "a multi-exit network" if definition.policy is None else "a policy network"
        raise ValueError(f"{metric} is no metric of {kind}")
    if known.needs_validation:
        raise ValueError(f"{metric} needs something chosen on validation data, so it is a metric of test data alone")


def curve(metric: str, epoch: Mapping[str, Any]) -> float | None:
    """Return what an epoch's report says about a metric, or None where it says nothing."""
    accuracy_E = epoch["val_accuracy"]
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
