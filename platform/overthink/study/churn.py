"""Churn: how often two models that differ only in their randomness answer differently, exit by exit."""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray
from overthink.statistics.jackknife import Interval, jackknife


class Churn(NamedTuple):
    """Of one exit, over all pairs of models: shares of samples."""

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
    repeats = len(predicted_REN)
    if repeats < 2:
        raise ValueError(f"churn compares models, and there is {repeats}")
    correct_REN = predicted_REN == labels_N
    differ_RRE = np.stack([(predicted_REN != one_EN).mean(axis=2) for one_EN in predicted_REN])
    lost_RRE = np.stack([(~correct_REN & one_EN).mean(axis=2) for one_EN in correct_REN])
    error_RE = 1 - correct_REN.mean(axis=2)
    return tuple(_of_exit(differ_RRE[:, :, e], lost_RRE[:, :, e], error_RE[:, e]) for e in range(error_RE.shape[1]))


def _of_exit(differ_RR: FloatArray, lost_RR: FloatArray, error_R: FloatArray) -> Churn:
    both_RR = differ_RR - lost_RR - lost_RR.T
    error = float(error_R.mean())
    normalised = None
    if error > 0:
        mean, without_R = _means(differ_RR)
        error_without_R = (error_R.sum() - error_R) / (len(error_R) - 1)
        ratios = [d / e for d, e in zip(without_R, error_without_R.tolist(), strict=False) if e > 0]
        normalised = jackknife(mean / error, ratios if len(ratios) == len(without_R) else [])
    return Churn(over_pairs(differ_RR), over_pairs(lost_RR), over_pairs(both_RR), error, normalised)


def over_pairs(value_RR: FloatArray) -> Interval:
    """Return the mean over pairs of different models, with its interval over models."""
    mean, without_R = _means(value_RR)
    return jackknife(mean, without_R)


def _means(value_RR: FloatArray) -> tuple[float, list[float]]:
    """Return the mean over pairs, and the same without each model (nothing where that leaves no pair)."""
    n = len(value_RR)
    total = value_RR.sum() - value_RR.trace()
    if n < 3:
        return float(total / (n * (n - 1))), []
    own_R = value_RR.sum(axis=0) + value_RR.sum(axis=1) - 2 * value_RR.diagonal()
    without_R: FloatArray = (total - own_R) / ((n - 1) * (n - 2))
    return float(total / (n * (n - 1))), without_R.tolist()


def same_answers(predicted_REN: IntArray) -> bool:
    """Tell whether all models give the same answers everywhere: what an arm that varies nothing must show."""
    return bool((predicted_REN == predicted_REN[:1]).all())
