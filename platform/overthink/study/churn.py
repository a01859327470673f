"""Churn: how often two models that differ only in their randomness answer differently, exit by exit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions
from overthink.statistics.crossed import LeftOut, crossed_jackknife, crossed_parts, leave_out
from overthink.statistics.jackknife import Interval


class Churn(NamedTuple):
    """Of one exit, over all pairs of models: shares of samples, with intervals over new trainings and samples."""

    disagreement: Interval
    """The two predictions differ."""
    right_to_wrong: Interval
    """The first is right, the second wrong; the other way round is as frequent over all ordered pairs."""
    wrong_to_wrong: Interval
    """Both are wrong, and differ."""
    error: float
    """Mean test error; equal to the disagreement where models are calibrated as a class (Jiang et al. 2022)."""
    normalised: Interval | None
    """Disagreement over error; None where no model errs."""


def churn(predicted_REN: IntArray, labels_N: IntArray) -> tuple[Churn, ...]:
    """Return the churn of every exit. Raises ValueError for fewer than two models."""
    repeats, n_exits, _ = predicted_REN.shape
    if repeats < 2:
        raise ValueError(f"churn compares models, and there is {repeats}")
    return tuple(_of_exit(predicted_REN[:, e], labels_N) for e in range(n_exits))


def _of_exit(predicted_RN: IntArray, labels_N: IntArray) -> Churn:
    left_out = leave_out(lambda models: _shares(predicted_RN[list(models)], labels_N), len(predicted_RN))
    differ, lost, both_wrong, error = crossed_parts(left_out)
    normalised = _normalised(left_out, differ, error.value) if error.value > 0 else None
    return Churn(differ, lost, both_wrong, error.value, normalised)


def _normalised(left_out: LeftOut, differ: Interval, error: float) -> Interval:
    if differ.value == 0 and differ.high is not None:  # models that agree everywhere: a share that was never seen
        return Interval(0.0, 0.0, differ.high / error)
    return crossed_jackknife(left_out, _over_error)


def _shares(predicted_RN: IntArray, labels_N: IntArray) -> FloatArray:
    """Return (4, N): over ordered pairs, shares that differ, are lost, are both wrong and differ; and the error."""
    n = len(predicted_RN)
    differ_N = np.sum([(predicted_RN != one_N).sum(axis=0) for one_N in predicted_RN], axis=0)
    right_N = (predicted_RN == labels_N).sum(axis=0)
    lost_N = right_N * (n - right_N)
    pairs = n * (n - 1)
    return np.stack([differ_N / pairs, lost_N / pairs, (differ_N - 2 * lost_N) / pairs, 1 - right_N / n])


def _over_error(mean_K: FloatArray) -> float:
    return float(mean_K[0] / mean_K[3]) if mean_K[3] > 0 else float("nan")


def same_results(repeats: Sequence[Predictions]) -> bool:
    """Tell whether all models give the same answers everywhere, or where those are not known: are right alike."""
    known = [one.predicted_EN for one in repeats if one.predicted_EN is not None]
    if len(known) == len(repeats):
        return same_answers(np.stack(known))
    return same_answers(np.stack([one.correct_EN for one in repeats]))


def same_answers(predicted_REN: IntArray | BoolArray) -> bool:
    """Tell whether all models give the same answers everywhere: what an arm that varies nothing must show."""
    return bool((predicted_REN == predicted_REN[:1]).all())
