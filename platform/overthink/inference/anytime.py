"""Anytime prediction under given budgets (thesis eq. 3.2)."""

from typing import NamedTuple

from overthink.inference.oracle import deepest, expected_anytime
from overthink.inference.temperature import losses
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions


class AnytimePrediction(NamedTuple):
    """The exit that each of M budgets reaches, and expectations over budgets."""

    exit_M: IntArray
    """Numbers of exits, from 1."""
    accuracy_M: FloatArray
    """Accuracy of that exit, fractions."""
    expected: dict[str, float]
    """accuracy, zero_one_loss and, where logits were kept, cross_entropy in nats."""


def anytime_prediction(test: Predictions, budgets_M: FloatArray, weights_M: FloatArray) -> AnytimePrediction:
    """Return what budgets (MUL-ADDs per sample) reach; weights need not sum to 1.

    Raises ValueError for a budget below the cost of exit 1.
    """
    accuracy_E = test.correct_EN.mean(axis=1)
    cost_E = needed(test.cost_E, "costs")
    row_M = deepest(cost_E, budgets_M)
    expected = {"accuracy": expected_anytime(accuracy_E, cost_E, budgets_M, weights_M)}
    expected["zero_one_loss"] = 1 - expected["accuracy"]
    if test.logits_ENC is not None and test.labels_N is not None:
        expected["cross_entropy"] = expected_anytime(losses(test), cost_E, budgets_M, weights_M)
    return AnytimePrediction(row_M + 1, accuracy_E[row_M], expected)
