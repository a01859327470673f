"""What the figures of runs show: numbers alone, a frozen record a figure. `drawing` puts them on paper.

Every function takes the predictions of one run or of several seeds, and gives means over runs. Rates are fractions.
Raises ValueError where runs differ in split, cost or levels: a mean over such runs says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from overthink.inference.oracle import OperatingPoint, oracle, upper_bound
from overthink.metrics.accuracy import accuracy
from overthink.metrics.overthinking import final_overthinking_rate, overthinking_pairs, overthinking_rate
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions


@dataclass(frozen=True)
class CostAccuracy:
    """Accuracy of each exit against its cost, with what a perfect choice of exits reaches (thesis figure 3.7)."""

    split: str
    cost_E: tuple[float, ...]
    """MUL-ADDs."""
    accuracy_E: tuple[float, ...]
    deviation_E: tuple[float, ...] | None
    """Standard deviation over runs; None for one run."""
    by_level: dict[str, tuple[float, ...]]
    """Level -> accuracy of each exit; a level without samples is left out."""
    oracle: OperatingPoint
    upper_bound: OperatingPoint


def cost_accuracy(runs: Sequence[Predictions]) -> CostAccuracy:
    """Return accuracy per exit and level, oracle and realistic upper bound."""
    _check_alike(runs)
    accuracy_RE = np.array([accuracy(run.correct_EN) for run in runs])
    levels = {
        name: _over_runs([accuracy(run.correct_EN[:, run.levels_N == level]) for run in runs])
        for level, name in enumerate(runs[0].level_names)
        if all((run.levels_N == level).any() for run in runs)
    }
    points = {
        bound: np.array([bound(run.correct_EN, run.cost_E) for run in runs]).mean(axis=0)
        for bound in (oracle, upper_bound)
    }
    return CostAccuracy(
        split=runs[0].split,
        cost_E=tuple(float(cost) for cost in runs[0].cost_E),
        accuracy_E=_over_runs(accuracy_RE),
        deviation_E=tuple(accuracy_RE.std(axis=0, ddof=1).tolist()) if len(runs) > 1 else None,
        by_level=levels,
        oracle=OperatingPoint(*points[oracle].tolist()),
        upper_bound=OperatingPoint(*points[upper_bound].tolist()),
    )


@dataclass(frozen=True)
class Pairs:
    """Share of samples that exit i gets right and a later exit j wrong, i down, j across; 0 where j is not later."""

    share_EE: tuple[tuple[float, ...], ...]
    deviation_EE: tuple[tuple[float, ...], ...] | None
    """Standard deviation over runs; None for one run."""


def pairs(runs: Sequence[Predictions]) -> Pairs:
    """Return overthinking for each pair of exits."""
    _check_alike(runs)
    share_REE = np.array([overthinking_pairs(run.correct_EN) for run in runs])
    deviation_EE = _rows(share_REE.std(axis=0, ddof=1)) if len(runs) > 1 else None
    return Pairs(_rows(share_REE.mean(axis=0)), deviation_EE)


@dataclass(frozen=True)
class Levels:
    """Overthinking and accuracy of the last exit, level by level."""

    names: tuple[str, ...]
    any_later: tuple[float, ...]
    final: tuple[float, ...]
    last_accuracy: tuple[float, ...]


def levels(runs: Sequence[Predictions]) -> Levels:
    """Return the rates of each level; of all samples together where the data set has no levels."""
    _check_alike(runs)
    names = runs[0].level_names or ("all",)
    parts = [[run.correct_EN[:, run.levels_N == level] for run in runs] for level in range(len(names))]
    there = [level for level, part in enumerate(parts) if all(correct_EN.size for correct_EN in part)]
    return Levels(
        names=tuple(names[level] for level in there),
        any_later=tuple(float(np.mean([overthinking_rate(part) for part in parts[level]])) for level in there),
        final=tuple(float(np.mean([final_overthinking_rate(part) for part in parts[level]])) for level in there),
        last_accuracy=tuple(float(np.mean([part[-1].mean() for part in parts[level]])) for level in there),
    )


@dataclass(frozen=True)
class History:
    """Loss and accuracy over the epochs of one run, a row an exit where it says so."""

    epochs: tuple[int, ...]
    train_loss: tuple[float, ...]
    """The loss that was minimised, divided by the number of exits: with weights of 1 the mean of their losses, in nats,
    which can stand beside theirs."""
    val_loss: tuple[tuple[float, ...], ...]
    """Per exit, in nats."""
    train_accuracy: tuple[tuple[float, ...], ...]
    val_accuracy: tuple[tuple[float, ...], ...]
    lr_drops: dict[int, float]
    """Epoch -> learning rate from then on, where it falls within a phase."""
    phase_starts: dict[int, int]
    """First epoch -> phase, of phases after the first."""


def history(records: Sequence[Mapping[str, Any]]) -> History:
    """Return the curves of a run's epoch records."""
    steps = list(pairwise(records))

    def per_exit(key: str) -> tuple[tuple[float, ...], ...]:
        return tuple(zip(*(record[key] for record in records), strict=True))

    return History(
        epochs=tuple(record["epoch"] for record in records),
        train_loss=tuple(record["train_loss"] / len(record["val_loss"]) for record in records),
        val_loss=per_exit("val_loss"),
        train_accuracy=per_exit("train_accuracy"),
        val_accuracy=per_exit("val_accuracy"),
        lr_drops={
            after["epoch"]: after["lr"]
            for before, after in steps
            if after["phase"] == before["phase"] and after["lr"] < before["lr"]
        },
        phase_starts={after["epoch"]: after["phase"] for before, after in steps if after["phase"] != before["phase"]},
    )


def _over_runs(values_RE: Sequence[FloatArray] | FloatArray) -> tuple[float, ...]:
    return tuple(np.mean(values_RE, axis=0).tolist())


def _rows(values_EE: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values_EE.tolist())


def _check_alike(runs: Sequence[Predictions]) -> None:
    kinds = {(run.split, tuple(run.cost_E.tolist()), run.level_names) for run in runs}
    if len(kinds) != 1:
        raise ValueError(f"runs drawn together need one split, cost and level names, got {sorted(kinds)}")
