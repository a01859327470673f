"""What the figures of a policy network show: numbers alone. `policy_drawing` puts them on paper.

Every function takes the evidence of one run, or of several seeds, and gives means over runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from overthink.inference.oracle import OperatingPoint
from overthink.policy.catalogue import compute_evidence
from overthink.policy.evidence import Answers, Evidence
from overthink.policy.routing import routed
from overthink.policy.scores import confusion
from overthink.predictions.arrays import BoolArray
from overthink.report.budget_figures import BudgetCurves, budget_curves


@dataclass(frozen=True)
class ExitTable:
    """A number for each label and each difficulty level of D_ee's test set (thesis figures 4.5 to 4.10)."""

    exits: tuple[int, ...]
    levels: tuple[str, ...]
    """`all` where samples have no levels."""
    value_LC: tuple[tuple[float, ...], ...]
    """NaN where a label has no sample of a level."""


def labels(runs: Sequence[Evidence]) -> ExitTable:
    """Return the share of the samples that has each label, by level."""
    return _table(runs, lambda a, mine_N, here_N: float((mine_N & here_N).sum() / len(a.label_N)))


def recognised(runs: Sequence[Evidence]) -> ExitTable:
    """Return how often each label is recognised, by level."""

    def share(a: Answers, mine_N: BoolArray, here_N: BoolArray) -> float:
        both_N = mine_N & here_N
        return float(a.right_N[both_N].mean()) if both_N.any() else np.nan

    return _table(runs, share)


def _table(runs: Sequence[Evidence], number: Callable[[Answers, BoolArray, BoolArray], float]) -> ExitTable:
    answers = [run.answers for run in runs]
    levels = answers[0].level_names or ("all",)
    values_RLC = [
        [[number(a, a.label_N == c, a.levels_N == level) for c in range(len(a.exits))] for level in range(len(levels))]
        for a in answers
    ]
    with np.errstate(invalid="ignore"):
        mean_LC = np.mean(np.array(values_RLC), axis=0)
    return ExitTable(answers[0].exits, levels, tuple(tuple(row) for row in mean_LC.tolist()))


@dataclass(frozen=True)
class Confusion:
    """Share of each label's samples (down) that gets each answer (across)."""

    exits: tuple[int, ...]
    share_CC: tuple[tuple[float, ...], ...]


def answers_given(runs: Sequence[Evidence]) -> Confusion:
    """Return the confusion matrix over the samples of all runs; rows add up to 1, or are 0 for an empty label."""
    exits = runs[0].exits
    count_CC = np.sum([confusion(r.answers.label_N, r.answers.predicted_N, len(exits)) for r in runs], axis=0)
    share_CC = count_CC / count_CC.sum(axis=1, keepdims=True).clip(min=1)
    return Confusion(exits, tuple(tuple(row) for row in share_CC.tolist()))


@dataclass(frozen=True)
class Yardsticks:
    """The policy network's accuracy and balanced accuracy beside those of answers that need no image."""

    names: tuple[str, ...]
    accuracy: tuple[float, ...]
    balanced: tuple[float, ...]
    """NaN where it says nothing."""


def yardsticks(runs: Sequence[Evidence]) -> Yardsticks:
    """Return the policy network first, then what it should beat."""
    values = [compute_evidence(run) for run in runs]

    def mean(name: str) -> float:
        return float(np.mean([found.get(f"policy/{name}", np.nan) for found in values]))

    chance = 1 / len(runs[0].exits)
    rows = [
        ("policy network", mean("accuracy"), mean("balanced_accuracy")),
        ("exit 1's confidence", mean("confidence/accuracy"), mean("confidence/balanced_accuracy")),
        ("difficulty level", mean("level/accuracy"), mean("level/balanced_accuracy")),
        ("best constant", mean("best_constant"), chance),
        ("labels' shares", mean("prior_matched"), chance),
        ("blind guess", mean("uniform"), chance),
    ]
    names, accuracy, balanced = zip(*(row for row in rows if not np.isnan(row[1])), strict=True)
    return Yardsticks(names, accuracy, balanced)


@dataclass(frozen=True)
class Routing:
    """The network that the policy network routes, beside budgeted batch prediction and the bounds."""

    curves: BudgetCurves
    without_policy: OperatingPoint
    with_policy: OperatingPoint


def routing(runs: Sequence[Evidence]) -> Routing:
    """Return accuracy and cost of routing, with and without the policy network's own cost."""
    found = [routed(run) for run in runs]
    return Routing(
        budget_curves([(run.network_validation, run.network_test) for run in runs]),
        OperatingPoint(*np.mean([entry.without_policy for entry in found], axis=0).tolist()),
        OperatingPoint(*np.mean([entry.with_policy for entry in found], axis=0).tolist()),
    )
