"""Leaving early with a promise: a risk that is exceeded with a small chance only.

A sample leaves at the first exit whose largest softmax value is above one threshold for all exits. Thresholds are tried
on validation data from the safest one on (no sample leaves early, without any risk) and the last certified one is
taken; see `statistics.risk_control`. Two risks: `accuracy`, how far accuracy falls below the last exit's; `agreement`,
the share of samples that are answered otherwise than by the last exit, for which no labels are needed. The promise is
over draws of validation samples that nothing else was chosen on, and one promise is for one risk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Literal, NamedTuple, get_args

import numpy as np

from overthink.exit_policies.confidences import OfExit
from overthink.exit_policies.policy import Point
from overthink.exit_policies.rules import Thresholds, at_exits, exits_by
from overthink.exit_policies.scoring import Scores
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions
from overthink.statistics.risk_control import (
    crc_certified,
    crc_needs,
    last_certified,
    ltt_certified,
    ltt_needs,
    ucb_certified,
    ucb_needs,
)

Of = Literal["accuracy", "agreement"]
THRESHOLDS = np.array([1.0, 0.9999, 0.9995, 0.999, 0.998, 0.995, *(np.arange(99, -1, -1) / 100)])
"""From the safest one on; fixed, since none may be chosen on the samples that certify it. Above it, a sample leaves."""


class Promise(NamedTuple):
    """What is promised: a mean loss of at most `risk`, with a chance of at least `confidence`."""

    risk: float
    confidence: float
    of: Of = "accuracy"

    @property
    def delta(self) -> float:
        """The chance that the promise may be broken with."""
        return 1 - self.confidence


class Method(NamedTuple):
    """A way to certify thresholds."""

    title: str
    certified: Callable[[FloatArray, float, float], BoolArray]
    needs: Callable[[float, float], int]
    source: str


METHODS = {
    "ltt": Method("Learn-then-Test", ltt_certified, ltt_needs, "Angelopoulos et al. 2021"),
    "ucb": Method("Upper confidence bound", ucb_certified, ucb_needs, "Waudby-Smith & Ramdas 2023"),
    "crc": Method("Conformal risk control", crc_certified, crc_needs, "Angelopoulos et al. 2022"),
}
"""The last one promises a mean over draws, whatever the confidence."""


@dataclass(frozen=True, eq=False)
class Certified:
    """The least safe threshold that is certified."""

    threshold: float
    """1: no sample leaves early."""
    point: Point
    calibration_risk: float
    """Mean loss on validation data."""
    n: int
    """Validation samples."""

    @property
    def sentence(self) -> str:
        """What was found, in a sentence."""
        if self.threshold == 1:
            return f"No threshold is certified by {self.n:,} validation samples: all samples run to the last exit."
        return (
            f"A sample leaves at the first exit with a confidence above {self.threshold:g}; the loss on {self.n:,} "
            f"validation samples is {100 * self.calibration_risk:.2f}%."
        )


def check_promise(promise: Promise) -> None:
    """Raise ValueError for a risk or a confidence that is none."""
    for name, value in (("risk", promise.risk), ("confidence", promise.confidence)):
        if not (isfinite(value) and 0 < value < 1):
            raise ValueError(f"--{name} {value:g}: expected a fraction between 0 and 1, e.g. 0.01 or 0.95")
    if promise.of not in get_args(Of):
        raise ValueError(f"a promise is of {' or '.join(get_args(Of))}, got {promise.of!r}")


def check_samples(n: int, promise: Promise, method: str) -> None:
    """Raise ValueError where so few samples cannot certify any risk of that size, whatever they say."""
    least = METHODS[method].needs(promise.risk, promise.delta)
    if n < least:
        raise ValueError(
            f"a risk of {100 * promise.risk:g}% at {100 * promise.confidence:g}% confidence needs at least {least:,} "
            f"validation samples ({METHODS[method].title}), and there are {n:,}"
        )


def certify(validation: Predictions, promise: Promise, method: str = "ltt") -> Certified:
    """Return the least safe certified threshold.

    Raises ValueError for a promise that is none, an unknown method, and too few validation samples.
    """
    check_promise(promise)
    if method not in METHODS:
        raise ValueError(f"risk is controlled by one of {', '.join(METHODS)}, got {method!r}")
    check_samples(len(validation.ids_N), promise, method)
    loss_GN = losses(validation, promise.of)
    place = chosen(in_drawn_order(loss_GN), promise, method)
    point = point_at(float(THRESHOLDS[place]), validation)
    return Certified(float(THRESHOLDS[place]), point, float(loss_GN[place].mean()), loss_GN.shape[1])


def chosen(loss_GN: FloatArray, promise: Promise, method: str) -> int:
    """Return the number of the threshold; 0, the safest one, has no loss, and needs no certificate."""
    certified_G = METHODS[method].certified(loss_GN, promise.risk, promise.delta)
    return max(last_certified(certified_G), 0)


def in_drawn_order(loss_GN: FloatArray) -> FloatArray:
    """Return the losses with their samples in a drawn order.

    Files may be sorted by class, and a bound by betting holds only where the order says nothing of the losses.
    """
    return loss_GN[:, np.random.default_rng(0).permutation(loss_GN.shape[1])]


def rule_at(threshold: float, n_exits: int) -> Thresholds:
    """Return the rule by which a sample leaves with a confidence above a threshold."""
    return Thresholds(np.full(n_exits, np.nextafter(threshold, 2)))


def point_at(threshold: float, validation: Predictions) -> Point:
    """Return the policy of one threshold."""
    cost_E = needed(validation.cost_E, "costs").astype(np.float64)
    rule, sure_EN = rule_at(threshold, len(cost_E)), needed(validation.max_softmax_EN, "confidence")
    exit_N = exits_by(rule, Scores(sure_EN, None))
    accuracy = float(at_exits(validation.correct_EN, exit_N).mean())
    return Point(OfExit("max-softmax"), rule, cost_E, float(cost_E[exit_N].mean()), accuracy)


def exits_at(predictions: Predictions) -> IntArray:
    """Return the exit of each sample at each of THRESHOLDS, (G, N)."""
    found = Scores(needed(predictions.max_softmax_EN, "confidence"), None)
    return np.stack([exits_by(rule_at(float(limit), predictions.n_exits), found) for limit in THRESHOLDS])


def losses(predictions: Predictions, of: Of, exit_GN: IntArray | None = None) -> FloatArray:
    """Return the loss of each sample at each of THRESHOLDS, (G, N).

    `accuracy`: 1 where the last exit is right and the answer wrong, -1 where it is the other way round, else 0.
    `agreement`: 1 where the answer is not the last exit's.
    """
    exit_GN = exits_at(predictions) if exit_GN is None else exit_GN
    columns_N = np.arange(exit_GN.shape[1])
    if of == "agreement":
        predicted_EN = needed(predictions.predicted_EN, "classes")
        return np.asarray((predicted_EN[exit_GN, columns_N] != predicted_EN[-1]).astype(np.float64))
    right_EN = predictions.correct_EN.astype(np.float64)
    return np.asarray(right_EN[-1] - right_EN[exit_GN, columns_N])
