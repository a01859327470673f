"""Promises of a risk, checked: how often they are broken where validation and test samples are drawn anew.

Validation and test samples of a run are pooled and split again, many times. The test part stands for what is true, so
its own chance error counts as a broken promise, too; splits of one pool are no independent trials.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.exit_policies.guarantee import (
    METHODS,
    THRESHOLDS,
    Promise,
    check_samples,
    chosen,
    exits_at,
    in_drawn_order,
    losses,
)
from overthink.exit_policies.trial import Pair
from overthink.predictions.absent import needed
from overthink.statistics.crossed import crossed_mean
from overthink.statistics.estimate import Over
from overthink.statistics.jackknife import Interval

SPLITS = 40


class Kept(NamedTuple):
    """One method of control, over runs and splits."""

    method: str
    title: str
    of: str
    promised: float
    confidence: float
    threshold: float
    """Median of what is certified; 1: no sample leaves early."""
    risk: Interval
    """Mean loss on test data, by the run's own split: over seeds and samples."""
    saved: Interval
    """Share of the last exit's cost, by the same."""
    broken: float
    """Share of all runs and splits in which the test loss is above the promised risk."""
    clearly_broken: float
    """The same, above it by more than two standard errors of the test loss."""
    mean_risk: float
    """Mean test loss over all runs and splits: what conformal risk control promises."""


def kept_promises(pairs: Sequence[Pair], promise: Promise, splits: int = SPLITS, seed: int = 0) -> list[Kept]:
    """Return what each method certifies, and how often its promise is broken.

    Raises ValueError where there are too few validation samples for every method.
    """
    n_validation = min(len(pair.validation.ids_N) for pair in pairs)
    methods = [method for method in METHODS if _enough(n_validation, promise, method)]
    if not methods:
        check_samples(
            n_validation, promise, min(METHODS, key=lambda one: METHODS[one].needs(promise.risk, promise.delta))
        )
    return [_kept(pairs, promise, method, splits, seed) for method in methods]


def _enough(n: int, promise: Promise, method: str) -> bool:
    return n >= METHODS[method].needs(promise.risk, promise.delta)


def _kept(pairs: Sequence[Pair], promise: Promise, method: str, splits: int, seed: int) -> Kept:
    risks, thresholds, losses_RN, saved_RN = [], [], [], []
    errors = []
    for place, (validation, test) in enumerate(pairs):
        cost_E = needed(test.cost_E, "costs")
        exit_GN, loss_VN = exits_at(test), losses(validation, promise.of)
        loss_GN = losses(test, promise.of, exit_GN)
        own = chosen(in_drawn_order(loss_VN), promise, method)
        thresholds.append(float(THRESHOLDS[own]))
        losses_RN.append(loss_GN[own])
        saved_RN.append(1 - cost_E[exit_GN[own]] / cost_E[-1])
        pool_GN, n = np.concatenate([loss_VN, loss_GN], axis=1), loss_VN.shape[1]
        random = np.random.default_rng([seed, place])
        for _ in range(splits):
            order_N = random.permutation(pool_GN.shape[1])
            certified = chosen(pool_GN[:, order_N[:n]], promise, method)
            test_M = pool_GN[certified, order_N[n:]]
            risks.append(float(test_M.mean()))
            errors.append(float(test_M.std()) / np.sqrt(len(test_M)))
    over: Over = "both" if len(pairs) > 1 else "samples"
    above = np.array(risks) - promise.risk
    return Kept(
        method,
        METHODS[method].title,
        *(promise.of, promise.risk, promise.confidence),
        float(np.median(thresholds)),
        crossed_mean(np.stack(losses_RN), over, least=-1 if promise.of == "accuracy" else 0),
        crossed_mean(np.stack(saved_RN), over),
        float((above > 0).mean()),
        float((above > 2 * np.array(errors)).mean()),
        float(np.mean(risks)),
    )
