"""Whether models that differ only in their randomness overthink the same samples, beyond chance and difficulty."""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.statistics.jackknife import Interval, over_models

PERMUTATIONS = 500


class Overlap(NamedTuple):
    """Of sets of overthought samples, a set a model."""

    jaccard: Interval
    """Shared over all, |A and B| / |A or B|, mean over pairs of models."""
    independent_jaccard: float
    """What sets of these sizes would share by chance."""
    lift: Interval
    """Shared samples over those that independence predicts, |A| |B| / N, pairs together; 1 by chance."""
    p: float
    """That the sets are as independent as shuffled ones: one-sided, by shuffling each model's set over all samples."""
    lift_within_difficulty: Interval
    """The same among samples of one difficulty: how many of the other models, never of the pair, have them right at the
    last exit. Hard samples alone raise the plain lift. Few models grade coarsely: of a simulated lift of 1.36 that was
    due to difficulty alone, 20 models left 1.06. `composed.beyond_difficulty` has no such remainder.
    """


def overlap(overthought_RN: BoolArray, right_RN: BoolArray, random: np.random.Generator) -> Overlap | None:
    """Return how far the sets overlap; `right_RN` is the last exit's. None where no model, or only one, overthinks.

    Raises ValueError for fewer than two models.
    """
    repeats, n = overthought_RN.shape
    if repeats < 2:
        raise ValueError(f"overlap compares models, and there is {repeats}")
    if (overthought_RN.any(axis=1)).sum() < 2:
        return None
    sets_RN = overthought_RN.astype(np.float32)
    shared_RR = (sets_RN @ sets_RN.T).astype(np.float64)
    size_R = shared_RR.diagonal()
    expected_RR = np.outer(size_R, size_R) / n
    graded_RR = _expected_within(overthought_RN, right_RN)
    return Overlap(
        jaccard=over_models(lambda models: _jaccard(shared_RR, size_R, models), repeats),
        independent_jaccard=_jaccard(expected_RR, size_R, list(range(repeats))),
        lift=over_models(lambda models: _ratio(shared_RR, expected_RR, models), repeats),
        p=_p(overthought_RN, random),
        lift_within_difficulty=over_models(lambda models: _ratio(shared_RR, graded_RR, models), repeats),
    )


def _pairs(models: list[int]) -> tuple[IntArray, IntArray]:
    first_P, second_P = np.triu_indices(len(models), k=1)
    chosen = np.array(models)
    return chosen[first_P], chosen[second_P]


def _jaccard(shared_RR: FloatArray, size_R: FloatArray, models: list[int]) -> float:
    first_P, second_P = _pairs(models)
    shared_P = shared_RR[first_P, second_P]
    all_P = size_R[first_P] + size_R[second_P] - shared_P
    return float((shared_P / np.maximum(all_P, 1)).mean())


def _ratio(shared_RR: FloatArray, expected_RR: FloatArray, models: list[int]) -> float:
    pairs = _pairs(models)
    expected = expected_RR[pairs].sum()
    return float(shared_RR[pairs].sum() / expected) if expected > 0 else 1.0


def _expected_within(overthought_RN: BoolArray, right_RN: BoolArray) -> FloatArray:
    """Return (R, R): how many samples a pair would share if their sets were independent among equals in difficulty."""
    repeats = len(overthought_RN)
    right_N = right_RN.sum(axis=0)
    expected_RR = np.zeros((repeats, repeats))
    for a in range(repeats):
        for b in range(a + 1, repeats):
            grade_N = right_N - right_RN[a] - right_RN[b]
            of_a_G, of_b_G, all_G = (
                np.bincount(grade_N[chosen_N], minlength=repeats - 1)
                for chosen_N in (overthought_RN[a], overthought_RN[b], slice(None))
            )
            expected_RR[a, b] = expected_RR[b, a] = (of_a_G * of_b_G / np.maximum(all_G, 1)).sum()
    return expected_RR


def _p(overthought_RN: BoolArray, random: np.random.Generator) -> float:
    """Return how rarely sets of the same sizes, drawn at random, share as many samples as seen.

    The sum over samples of the squared number of models that overthink it: with sizes fixed, it grows with every
    sample that any pair shares.
    """
    seen, sizes, n = _squares(overthought_RN.sum(axis=0)), overthought_RN.sum(axis=1).tolist(), overthought_RN.shape[1]
    as_many = sum(_squares(_drawn(sizes, n, random)) >= seen for _ in range(PERMUTATIONS))
    return (as_many + 1) / (PERMUTATIONS + 1)


def _squares(count_N: IntArray) -> int:
    return int(count_N @ count_N)


def _drawn(sizes: list[int], n: int, random: np.random.Generator) -> IntArray:
    """Return how many of the sets, drawn independently, each of n samples is in."""
    count_N = np.zeros(n, dtype=np.int64)
    for size in sizes:
        count_N[random.choice(n, size, replace=False, shuffle=False)] += 1
    return count_N
