"""Ensembles of trainings: what is left of overthinking once the randomness of training is averaged out.

The softmax of k trainings is averaged, exit by exit. What a single training overthinks by chance averages out as k
grows; what remains for ever is systematic: an earlier exit is right and a later one wrong in expectation.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.predictions.predictions import Predictions
from overthink.statistics.crossed import crossed_parts, leave_out
from overthink.statistics.jackknife import Interval
from overthink.study.plateau import FEWEST_SIZES, part_that_stays, plateau

MOST_ALL = 8
"""Trainings of which all subsets are averaged; of more, ROUNDS times as many subsets of each size as trainings."""
ROUNDS, SEED = 2, 0
BYTES = 64_000_000
"""Of averages that are held at a time."""


class Curve(NamedTuple):
    """A rate of ensembles of 1, 2, ... trainings, mean over subsets of so many, and what it falls to."""

    sizes: tuple[int, ...]
    rates: tuple[Interval, ...]
    """Over new trainings and samples; the largest sizes have no interval."""
    plateau: Interval | None
    """Of infinitely many trainings: the systematic part. None below 5 trainings, or where no fall is shown."""
    stays: Interval | None
    """The plateau as a part of the rate of one training; None as the plateau is."""


class Ensembles(NamedTuple):
    """The curves of an arm's trainings."""

    any_later: Curve
    final: Curve
    accuracy: Curve
    """Of the last exit."""
    from_logits: bool
    """Whether softmax values were averaged; else the confidence in each answer, its rest spread over the classes."""


def ensembles(repeats: Sequence[Predictions]) -> Ensembles:
    """Return the curves of R trainings; the same predictions give the same numbers. Raises ValueError for none."""
    if not repeats:
        raise ValueError("an ensemble needs a training")
    chosen = subsets(len(repeats))
    correct_SEN = ensemble_correct(repeats, chosen)
    any_later, final, accuracy = (
        _curve(np.stack([indicator(one_EN) for one_EN in correct_SEN]), chosen, len(repeats))
        for indicator in (overthought, finally_overthought, _last)
    )
    from_logits = all(one.logits_ENC is not None for one in repeats)
    return Ensembles(any_later, final, accuracy._replace(plateau=None, stays=None), from_logits)


def can_be_averaged(repeats: Sequence[Predictions]) -> bool:
    """Return whether the softmax of all trainings is known, or the confidence in each answer; and the labels."""
    return not any({"labels", "classes", "confidence"} & {*one.absent} for one in repeats)


def _last(correct_EN: BoolArray) -> BoolArray:
    last_N: BoolArray = correct_EN[-1]
    return last_N


def subsets(repeats: int) -> list[tuple[int, ...]]:
    """Return all subsets of up to MOST_ALL trainings; of more, some of each of some sizes, each training as often.

    Those are runs of neighbours in seeded circular orders: every training is in equally many of each size.
    """
    if repeats <= MOST_ALL:
        return [chosen for size in range(1, repeats + 1) for chosen in combinations(range(repeats), size)]
    random = np.random.default_rng(SEED)
    orders = [random.permutation(repeats).tolist() for _ in range(ROUNDS)]
    circles = {size: orders if 1 < size < repeats else orders[:1] for size in _sizes(repeats)}
    return [
        tuple(sorted((order + order)[start : start + size]))
        for size, chosen in circles.items()
        for order in chosen
        for start in range(repeats if size < repeats else 1)
    ]


def _sizes(repeats: int) -> list[int]:
    """Return 1 to 8, then steps of about a third, and all."""
    growing = [*range(1, 9), *(round(8 * 1.35**step) for step in range(1, 30))]
    return [*(size for size in growing if size < repeats), repeats]


def ensemble_correct(repeats: Sequence[Predictions], chosen: Sequence[tuple[int, ...]]) -> BoolArray:
    """Return (S, E, N): whether each exit of each ensemble is right; the lowest class of equally high ones counts."""
    member_SR = np.zeros((len(chosen), len(repeats)), dtype=np.float32)
    for row, members in enumerate(chosen):
        member_SR[row, list(members)] = 1
    n_exits, labels_N = repeats[0].n_exits, needed(repeats[0].labels_N, "labels")
    n_classes = _n_classes(repeats)
    correct_SEN = np.empty((len(chosen), n_exits, len(labels_N)), dtype=np.bool_)
    step = max(1, BYTES // (4 * len(chosen) * n_exits * n_classes))
    for start in range(0, len(labels_N), step):
        part = slice(start, start + step)
        probability_REBC = np.stack([_probabilities(one, part, n_classes) for one in repeats])
        sum_SEBC = (member_SR @ probability_REBC.reshape(len(repeats), -1)).reshape(-1, *probability_REBC.shape[1:])
        correct_SEN[:, :, part] = sum_SEBC.argmax(axis=3) == labels_N[part]
    return correct_SEN


def _n_classes(repeats: Sequence[Predictions]) -> int:
    return 1 + max(
        int(max(needed(one.predicted_EN, "classes").max(), needed(one.labels_N, "labels").max())) for one in repeats
    )


def _probabilities(one: Predictions, part: slice, n_classes: int) -> NDArray[np.float32]:
    """Return (E, B, C): the softmax, or what is known of it without logits."""
    if one.logits_ENC is not None:
        logits_EBC = one.logits_ENC[:, part, :n_classes].astype(np.float64)
        power_EBC = np.exp(logits_EBC - logits_EBC.max(axis=2, keepdims=True))
        return np.asarray(power_EBC / power_EBC.sum(axis=2, keepdims=True), dtype=np.float32)
    sure_EB1 = needed(one.max_softmax_EN, "confidence")[:, part, None]
    rest_EBC = np.broadcast_to((1 - sure_EB1) / max(n_classes - 1, 1), (*sure_EB1.shape[:2], n_classes)).copy()
    np.put_along_axis(rest_EBC, needed(one.predicted_EN, "classes")[:, part, None], sure_EB1, axis=2)
    return np.asarray(rest_EBC, dtype=np.float32)


def _curve(indicator_SN: BoolArray, chosen: Sequence[tuple[int, ...]], repeats: int) -> Curve:
    sizes = tuple(dict.fromkeys(len(members) for members in chosen))
    of_size = {size: [row for row, members in enumerate(chosen) if len(members) == size] for size in sizes}

    def parts(models: Sequence[int]) -> FloatArray:
        inside = {*models}
        return np.stack([_mean(indicator_SN, [s for s in of_size[k] if inside.issuperset(chosen[s])]) for k in sizes])

    left_out = leave_out(parts, repeats, fewest=1)
    level, stays = (
        found(sizes, left_out) if len(sizes) > FEWEST_SIZES else None for found in (plateau, part_that_stays)
    )
    return Curve(sizes, crossed_parts(left_out), level, stays)


def _mean(indicator_SN: BoolArray, rows: list[int]) -> FloatArray:
    """Return (N,), the mean over subsets; NaN where there is none."""
    return indicator_SN[rows].mean(axis=0) if rows else np.full(indicator_SN.shape[1], np.nan)
