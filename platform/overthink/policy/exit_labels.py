"""Which exit a sample should leave at: the labels of the early-exit data set D_ee (thesis section 4.2.1).

correct_EN is bool (E, N), confidence_EN max-softmax as fractions (E, N), cost_E cumulative MUL-ADDs (E,). Ties go to
the cheaper exit. Samples that no exit gets right have no label and are left out.

Labels are made of one training's predictions, as in the thesis, or of several trainings' (ours): a sample's label is
then the exit that is best on average over them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions
from overthink.statistics.estimate import TIE

MILLION = 1e6


@dataclass(frozen=True)
class ExitLabels:
    """The exit labels of the samples that have one."""

    exits: tuple[int, ...]
    """The exits that compete, numbered from 1."""
    label_M: IntArray
    """Index into `exits`."""
    rows_M: IntArray
    """Row of each labelled sample in the predictions, ascending."""
    n_left_out: int
    """Number of samples that none of the exits gets right."""

    @property
    def count_C(self) -> IntArray:  # noqa: N802 - named like the arrays it stands beside
        """Number of samples of each label, (C,)."""
        return np.bincount(self.label_M, minlength=len(self.exits)).astype(np.int64)


def exit_scores(correct_EN: BoolArray, confidence_EN: FloatArray, cost_E: IntArray, weight: float) -> FloatArray:
    """Return score_i = 1 / (lambda * MUL-ADDs_i * 1e-6) + confidence_i where exit i is right, else 0, (E, N).

    Thesis eqs. 4.1 and 4.2; `weight` is lambda: the larger, the less cost matters. At 5 the first term is 0.03 for the
    thesis's first exit, so confidence dominates. Raises ValueError for a lambda of 0 or less.

    >>> correct_EN, confidence_EN = np.array([[True, False], [True, True]]), np.array([[0.5, 0.5], [0.75, 0.75]])
    >>> exit_scores(correct_EN, confidence_EN, np.array([1_000_000, 2_000_000]), weight=1).tolist()
    [[1.5, 0.0], [1.25, 1.25]]
    """
    if not weight > 0:
        raise ValueError(f"lambda must be greater than 0, got {weight}")
    efficiency_E = 1 / (weight * cost_E / MILLION)
    scores_EN: FloatArray = np.where(correct_EN, efficiency_E[:, None] + confidence_EN, 0.0)
    return scores_EN


def labels_by_score(
    trainings: Sequence[Predictions], weight: float, exits: tuple[int, ...] | None = None
) -> ExitLabels:
    """Label each sample with the exit of the highest score, mean over trainings, among `exits`; all exits if None.

    A wrong exit scores 0, so an exit's mean score is the share of trainings in which it is right, times its efficiency
    and mean confidence there. A sample has a label where any exit of any training is right. With two exits this is the
    binary task of thesis section 4.2.3. Raises ValueError for exits that do not exist.
    """
    chosen = checked_exits(exits, trainings[0].n_exits)
    rows_E = np.array(chosen) - 1
    scores_REN = [
        exit_scores(
            p.correct_EN[rows_E],
            needed(p.max_softmax_EN, "confidence")[rows_E],
            needed(p.mul_adds_E, "MUL-ADDs")[rows_E],
            weight,
        )
        for p in trainings
    ]
    scores_EN = np.mean(scores_REN, axis=0)
    return _labels(chosen, scores_EN.argmax(axis=0), scores_EN.max(axis=0) > 0)


def labels_by_first(trainings: Sequence[Predictions], exits: tuple[int, ...] | None = None) -> ExitLabels:
    """Label each sample with the first exit, among `exits`, that is right in more than half of the trainings.

    Of one training: the first that is right (the thesis's first variant).
    """
    chosen = checked_exits(exits, trainings[0].n_exits)
    right_EN = np.mean([p.correct_EN[np.array(chosen) - 1] for p in trainings], axis=0) > 0.5
    return _labels(chosen, right_EN.argmax(axis=0), right_EN.any(axis=0))


def _labels(exits: tuple[int, ...], label_N: IntArray, solved_N: BoolArray) -> ExitLabels:
    rows_M = np.flatnonzero(solved_N)
    return ExitLabels(exits, label_N[rows_M], rows_M, int((~solved_N).sum()))


def checked_exits(exits: tuple[int, ...] | None, n_exits: int) -> tuple[int, ...]:
    """Return the competing exits in order; raise ValueError for fewer than two, or for one that does not exist."""
    chosen = tuple(range(1, n_exits + 1)) if exits is None else tuple(sorted(set(exits)))
    if len(chosen) < 2 or chosen[0] < 1 or chosen[-1] > n_exits:
        raise ValueError(f"exits must be at least two of 1 to {n_exits}, got {list(exits or chosen)}")
    return chosen


def balance(count_C: IntArray) -> float:
    """Return the entropy of a label distribution divided by that of a uniform one: 1 for equally frequent labels.

    0 if all samples have the same label, or if there are none.

    >>> balance(np.array([5, 5])), balance(np.array([0, 0]))
    (1.0, 0.0)
    """
    total = count_C.sum()
    if total == 0:
        return 0.0
    share_C = count_C[count_C > 0] / total
    return float(-(share_C * np.log(share_C)).sum() / np.log(len(count_C)))


def best_balance(
    trainings: Sequence[Predictions], weights: FloatArray, exits: tuple[int, ...] | None = None
) -> tuple[float, float]:
    """Return the lambda of a grid with the highest `balance` of the labels, the smallest of equals, and the balance."""
    balances = [balance(labels_by_score(trainings, float(weight), exits).count_C) for weight in weights]
    best = int(np.flatnonzero(np.array(balances) >= max(balances) - TIE)[0])
    return float(weights[best]), balances[best]
