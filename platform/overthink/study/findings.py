"""All results of the repeats of one arm of a study."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.correctness import same_samples
from overthink.predictions.predictions import Predictions
from overthink.seeds import STREAMS, Source
from overthink.statistics.jackknife import Interval
from overthink.study.churn import Churn, churn, same_results
from overthink.study.composed import Composed, composed
from overthink.study.coupling import Coupled, coupling, final_coupling
from overthink.study.cross_fitted import CrossFitted, cross_fitted
from overthink.study.decomposition import Decomposition, decomposition
from overthink.study.depth import distribution, prediction_depth, times
from overthink.study.ensemble import Ensembles, can_be_averaged, ensembles
from overthink.study.independent import independent_samples_ratio
from overthink.study.recurrence import Recurrence, recurrence
from overthink.study.spread import Spread, spread
from overthink.study.transferred_oracle import ConfidenceRule, TransferredOracle, transferred_oracle


class Overthinking(NamedTuple):
    """One of the two definitions of overthinking, over repeats."""

    rate: Spread
    split: Decomposition
    independent: Interval | None
    """Variance of the rate over what independent samples would give; see `independent`."""
    recurrence: Recurrence | None
    times: IntArray
    """(R + 1,): how many samples 0, 1, ..., R of the repeats overthink."""


class Findings(NamedTuple):
    """Of R repeats that differ only in the sources of an arm."""

    repeats: int
    sources: tuple[Source, ...]
    """Of randomness: what the repeats differ in."""
    samples: int
    same: bool
    """Whether all repeats give the same answers at every exit."""
    accuracy_E: tuple[Spread, ...]
    oracle: Spread
    churn_E: tuple[Churn, ...]
    """Empty where predicted classes and labels are not known."""
    any_later: Overthinking
    final: Overthinking
    coupling: dict[tuple[int, int], Coupled]
    final_coupling: Coupled | None
    """None where there is a single exit."""
    ensembles: Ensembles | None
    """None where there are neither logits nor classes with confidences to average, or no labels."""
    cross_fitted: CrossFitted
    oracle_transfer: TransferredOracle
    error_share_E: tuple[Interval | None, ...]
    """Of each exit: the sample's share of the variance of plain errors, the benchmark of that of overthinking."""
    error_independent: Interval | None
    """Of the last exit's error: its variance over trainings against that of independent samples."""
    composed: Composed | None
    """Networks composed of exits from different trainings; None below 5 trainings."""
    depth_RE: FloatArray | None
    """Each repeat's shares of samples whose answer stands from exit 1, 2, ..., E on; None without classes."""

    @property
    def has_one_exit(self) -> bool:
        """Whether the networks cannot overthink: rates are 0 by definition, and their intervals say nothing."""
        return len(self.accuracy_E) == 1


def findings(
    repeats: Sequence[Predictions],
    sources: Sequence[Source] = STREAMS,
    confidence_rule: ConfidenceRule | None = None,
) -> Findings:
    """Return the results for the test predictions of repeats that differ in these sources.

    `confidence_rule` gives the accuracy of leaving early by confidence, chosen on validation data. Raises ValueError
    for fewer than two repeats, or for other samples.
    """
    first = repeats[0]
    for other in repeats[1:]:
        if not same_samples(other, first):
            raise ValueError("the repeats of a study were tested on different samples")
        if other.n_exits != first.n_exits:
            raise ValueError(f"the repeats of a study have {first.n_exits} and {other.n_exits} exits")
    correct_REN: BoolArray = np.stack([one.correct_EN for one in repeats])
    predicted_REN = _classes(repeats)
    return Findings(
        repeats=len(repeats),
        sources=tuple(sources),
        samples=len(first.ids_N),
        same=same_results(repeats),
        accuracy_E=tuple(spread(correct_REN[:, e]) for e in range(first.n_exits)),
        oracle=spread(np.asarray(correct_REN.any(axis=1))),
        churn_E=_churn(predicted_REN, first),
        any_later=_overthinking(np.stack([overthought(one_EN) for one_EN in correct_REN])),
        final=_overthinking(np.stack([finally_overthought(one_EN) for one_EN in correct_REN])),
        coupling=coupling(correct_REN),
        final_coupling=final_coupling(correct_REN) if first.n_exits > 1 else None,
        ensembles=ensembles(repeats) if can_be_averaged(repeats) else None,
        cross_fitted=cross_fitted(correct_REN),
        oracle_transfer=transferred_oracle(correct_REN, first.cost_E, confidence_rule)._replace(unit=first.cost_unit),
        error_share_E=tuple(decomposition(~correct_REN[:, e]).sample_share for e in range(first.n_exits)),
        error_independent=independent_samples_ratio(~correct_REN[:, -1]),
        composed=composed(correct_REN),
        depth_RE=None if predicted_REN is None else distribution(prediction_depth(predicted_REN), first.n_exits),
    )


def _classes(repeats: Sequence[Predictions]) -> IntArray | None:
    """Return (R, E, N), the predicted classes, where all repeats have them."""
    known = [one.predicted_EN for one in repeats if one.predicted_EN is not None]
    return np.stack(known) if len(known) == len(repeats) else None


def _churn(predicted_REN: IntArray | None, first: Predictions) -> tuple[Churn, ...]:
    return () if predicted_REN is None or first.labels_N is None else churn(predicted_REN, first.labels_N)


def _overthinking(indicator_RN: BoolArray) -> Overthinking:
    return Overthinking(
        rate=spread(indicator_RN),
        split=decomposition(indicator_RN),
        independent=independent_samples_ratio(indicator_RN),
        recurrence=recurrence(indicator_RN),
        times=times(indicator_RN),
    )
