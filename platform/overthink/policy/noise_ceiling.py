"""The noise ceiling of exit labels: how well labels of other trainings of M predict those of one (Nili et al. 2014).

Trainings that differ in their seeds alone label the same sample differently. Let p_n(c) be the chance that a training
labels sample n with exit c.

- Another training's labels are right with probability mean_n sum_c p_n(c)^2. That is no bound: the most probable label
  is right with probability max_c p_n(c), which is never less.
- The majority of the other trainings' labels has not seen the training that it predicts, so its expectation is at most
  mean_n max_c p_n(c): the lower estimate of what the best predictor of any training's labels reaches.
- With that training among the voters the expectation is at least mean_n max_c p_n(c): the upper estimate.

None of them bounds a policy network that learns what is particular to its own M, whose labels it is trained on.
Intervals are over trainings (jackknife), on the same samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np

from overthink.policy.baselines import best_constant
from overthink.policy.exit_labels import ExitLabels
from overthink.policy.scores import balanced_accuracy, cohens_kappa
from overthink.predictions.arrays import IntArray
from overthink.statistics.jackknife import FEWEST, Interval, jackknife

NO_LABEL = -1


class Agreement(NamedTuple):
    """How well labels of other trainings predict those of one; means over the trainings that are predicted."""

    accuracy: Interval
    balanced_accuracy: Interval
    constant: float
    """Accuracy of the best constant answer on the same samples."""
    labelled: float
    """These samples as a share of all: labelled in the training that is predicted and in one that predicts it."""


@dataclass(frozen=True)
class NoiseCeiling:
    """The noise ceiling from a number of trainings; of a single one nothing else is known."""

    trainings: int
    """Where labels are averaged over trainings, the number of sets of so many."""
    averaged: int = 1
    """Trainings in a set."""
    another: Agreement | None = None
    """Another training's labels: mean over ordered pairs of trainings."""
    kappa: Interval | None = None
    """Cohen's kappa of two trainings' labels, mean over pairs."""
    majority: Agreement | None = None
    """The majority of the other trainings' labels: the lower estimate."""
    excess: Interval | None = None
    """Accuracy of that majority minus that of the best constant answer on the same samples."""
    upper: Interval | None = None
    """Accuracy of the majority of all trainings' labels on these samples: the upper estimate."""


def noise_ceiling(trainings: Sequence[ExitLabels], n_samples: int, averaged: int = 1) -> NoiseCeiling:
    """Return the noise ceiling of the labels that one or more trainings, or sets of them, give to the same samples.

    Ties of a majority go to the label that the voters give more often over all samples, then to the cheaper exit.
    There are intervals from three trainings. Nothing is known where two trainings label no sample in common.
    """
    label_RN = np.full((len(trainings), n_samples), NO_LABEL)
    for row, labels in enumerate(trainings):
        label_RN[row, labels.rows_M] = labels.label_M
    in_common = all((np.minimum(one, other) > NO_LABEL).any() for one, other in combinations(label_RN, 2))
    if len(trainings) < 2 or not in_common:
        return NoiseCeiling(len(trainings), averaged)
    n_classes = len(trainings[0].exits)
    another = _estimated(_another(label_RN, n_classes), len(trainings))
    majority = _estimated(_majority(label_RN, n_classes, included=False), len(trainings))
    upper = _estimated(_majority(label_RN, n_classes, included=True), len(trainings))
    return NoiseCeiling(
        len(trainings),
        averaged,
        another.agreement(),
        another.interval(lambda scores: scores.kappa),
        majority.agreement(),
        majority.interval(lambda scores: scores.accuracy - scores.constant),
        upper.interval(lambda scores: scores.accuracy).cut(1.0),
    )


class _Scores(NamedTuple):
    accuracy: float
    balanced_accuracy: float
    kappa: float
    constant: float
    labelled: float


Statistic = Callable[[list[int]], _Scores]
"""Scores of some of the trainings, given by their rows."""


class _Estimates(NamedTuple):
    """Scores of all trainings, and of all but each."""

    everyone: _Scores
    without_R: list[_Scores]

    def interval(self, of: Callable[[_Scores], float]) -> Interval:
        return jackknife(of(self.everyone), [of(scores) for scores in self.without_R])

    def agreement(self) -> Agreement:
        return Agreement(
            self.interval(lambda scores: scores.accuracy).cut(1.0),
            self.interval(lambda scores: scores.balanced_accuracy).cut(1.0),
            self.everyone.constant,
            self.everyone.labelled,
        )


def _estimated(statistic: Statistic, trainings: int) -> _Estimates:
    everyone = list(range(trainings))
    left_out = everyone if trainings >= FEWEST else []
    return _Estimates(statistic(everyone), [statistic([one for one in everyone if one != out]) for out in left_out])


def _another(label_RN: IntArray, n_classes: int) -> Statistic:
    pairs = permutations(range(len(label_RN)), 2)
    of_pair = {(a, b): _scores(label_RN[a], label_RN[b], n_classes) for a, b in pairs}
    return lambda chosen: _mean([of_pair[pair] for pair in permutations(chosen, 2)])


def _majority(label_RN: IntArray, n_classes: int, included: bool) -> Statistic:
    """Return scores of the majority of the others; `included`: of all, on the samples that the others label."""
    ballot_RNC = label_RN[..., None] == np.arange(n_classes)

    def scores(chosen: list[int]) -> _Scores:
        all_NC = ballot_RNC[chosen].sum(axis=0)
        found = []
        for one in chosen:
            others_NC = all_NC - ballot_RNC[one]
            answer_N = _most_votes(all_NC if included else others_NC)
            answer_N[others_NC.sum(axis=1) == 0] = NO_LABEL
            found.append(_scores(answer_N, label_RN[one], n_classes))
        return _mean(found)

    return scores


def _most_votes(votes_NC: IntArray) -> IntArray:
    often_C = votes_NC.sum(axis=0)
    answer_N: IntArray = (votes_NC + often_C / (often_C.sum() + 1)).argmax(axis=1)
    return answer_N


def _scores(answer_N: IntArray, label_N: IntArray, n_classes: int) -> _Scores:
    both_N = (answer_N > NO_LABEL) & (label_N > NO_LABEL)
    answer_M, label_M = answer_N[both_N], label_N[both_N]
    return _Scores(
        float((answer_M == label_M).mean()),
        balanced_accuracy(label_M, answer_M, n_classes),
        cohens_kappa(answer_M, label_M, n_classes),
        best_constant(label_M),
        float(both_N.mean()),
    )


def _mean(scores: Sequence[_Scores]) -> _Scores:
    return _Scores(*np.mean(scores, axis=0).tolist())
