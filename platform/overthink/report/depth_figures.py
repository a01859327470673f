"""What the figures of an analysis show beside budgets: numbers alone. `depth_drawing` puts them on paper.

Every function takes the test predictions of one run, or of several seeds of one network, and gives means over runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overthink.metrics.agreement import confidence_ranks, rank_correlation
from overthink.metrics.calibration import BINS, calibration_error, reliability
from overthink.metrics.hindsight import confidence_tenths, hindsight_improvability, kept_right, rate_by_group
from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions

MOST_POINTS = 1500
"""Of a scatter: more hide each other."""


@dataclass(frozen=True)
class Calibration:
    """Accuracy against confidence, an exit a curve; samples of all runs together."""

    confidence_EB: tuple[tuple[float, ...], ...]
    accuracy_EB: tuple[tuple[float, ...], ...]
    """Bins without samples are left out, so exits have curves of different length."""
    error_E: tuple[float, ...]
    """Expected calibration error, a fraction, mean over runs."""


def calibration(runs: Sequence[Predictions]) -> Calibration:
    """Return the reliability of each exit."""
    confidence_EN = np.concatenate([run.max_softmax_EN for run in runs], axis=1)
    correct_EN = np.concatenate([run.correct_EN for run in runs], axis=1)
    bins = [reliability(right_N, sure_N, BINS) for right_N, sure_N in zip(correct_EN, confidence_EN, strict=True)]
    errors_RE = np.array([calibration_error(run.correct_EN, run.max_softmax_EN) for run in runs])
    return Calibration(
        confidence_EB=tuple(tuple(found.confidence_B[found.count_B > 0].tolist()) for found in bins),
        accuracy_EB=tuple(tuple(found.accuracy_B[found.count_B > 0].tolist()) for found in bins),
        error_E=tuple(errors_RE.mean(axis=0).tolist()),
    )


@dataclass(frozen=True)
class Ranks:
    """How exits 1 and 2 rank samples by confidence (thesis figure 3.10), and how alike all neighbours do."""

    first_M: tuple[float, ...]
    second_M: tuple[float, ...]
    """Ranks of some samples of the first run, evenly picked, from 0 (least sure) to 1."""
    correlation_P: tuple[float, ...]
    """Spearman's, of exits 1 and 2, of 2 and 3, and so on; mean over runs."""


def ranks(runs: Sequence[Predictions]) -> Ranks:
    """Return ranks and rank correlations; needs two exits and two samples."""
    ranks_EN = confidence_ranks(runs[0].max_softmax_EN)
    step = -(-ranks_EN.shape[1] // MOST_POINTS)
    correlations_REE = np.array([rank_correlation(run.max_softmax_EN) for run in runs])
    neighbours_P = correlations_REE.mean(axis=0).diagonal(offset=1)
    return Ranks(tuple(ranks_EN[0, ::step].tolist()), tuple(ranks_EN[1, ::step].tolist()), tuple(neighbours_P.tolist()))


@dataclass(frozen=True)
class Kept:
    """What later exits make of the samples that an earlier one has right."""

    accuracy_EE: tuple[tuple[float, ...], ...]
    """Accuracy of exit j (across) on the samples that exit i (down) has right."""
    improvable_E: tuple[float, ...]
    """Share of an exit's errors that an earlier one had right."""


def kept(runs: Sequence[Predictions]) -> Kept:
    """Return accuracies on what earlier exits had right, and hindsight improvability."""
    kept_REE = np.array([np.nan_to_num(kept_right(run.correct_EN)) for run in runs])
    improvable_RE = np.array([hindsight_improvability(run.correct_EN) for run in runs])
    return Kept(
        tuple(tuple(row) for row in kept_REE.mean(axis=0).tolist()),
        tuple(improvable_RE.mean(axis=0).tolist()),
    )


@dataclass(frozen=True)
class WhoOverthinks:
    """Overthinking by the confidence of exit 1 and by class."""

    any_later_T: tuple[float, ...]
    final_T: tuple[float, ...]
    """In each tenth of the samples, the least sure first; a tenth that is empty is left out."""
    any_later_C: tuple[float, ...]
    """By class; NaN for a class without samples."""


def who_overthinks(runs: Sequence[Predictions]) -> WhoOverthinks:
    """Return rates by tenth of confidence and by class."""
    n_classes = max(int(run.labels_N.max()) for run in runs) + 1
    tenths = [confidence_tenths(run.max_softmax_EN[0]) for run in runs]
    any_RT, final_RT = (
        [rate_by_group(flags(run.correct_EN), tenth_N, 10) for run, tenth_N in zip(runs, tenths, strict=True)]
        for flags in (overthought, finally_overthought)
    )
    by_class_RC = [rate_by_group(overthought(run.correct_EN), run.labels_N, n_classes) for run in runs]
    return WhoOverthinks(_there(any_RT), _there(final_RT), tuple(np.mean(by_class_RC, axis=0).tolist()))


def _there(rates_RT: Sequence[FloatArray]) -> tuple[float, ...]:
    mean_T = np.mean(rates_RT, axis=0)
    return tuple(mean_T[~np.isnan(mean_T)].tolist())
