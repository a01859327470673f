"""Anytime prediction under budgets."""

import numpy as np
import pytest

from overthink.inference.anytime import anytime_prediction
from overthink.predictions.predictions import Predictions

LOGITS_ENC = np.array([[[2, 0], [0, 2], [0, 2], [0, 2]], [[2, 0], [2, 0], [2, 0], [0, 2]]], dtype=np.float32)
"""Of four samples with label 0, exit 1 gets one right and exit 2 three."""


def predictions(keep_logits: bool) -> Predictions:
    zeros_N = np.zeros(4, dtype=np.int64)
    return Predictions.from_logits(
        LOGITS_ENC, zeros_N, np.arange(4), zeros_N, ("all",), [10, 30], "data", "test", keep_logits
    )


def test_by_hand() -> None:
    """A budget of 29 reaches exit 1; weights 3 and 1 give (3 * 1/4 + 1 * 3/4) / 4."""
    found = anytime_prediction(predictions(False), np.array([29.0, 30.0]), np.array([3.0, 1.0]))
    assert found.exit_M.tolist() == [1, 2]
    assert found.accuracy_M.tolist() == [0.25, 0.75]
    assert found.expected == {"accuracy": pytest.approx(0.375), "zero_one_loss": pytest.approx(0.625)}


def test_cross_entropy_needs_logits() -> None:
    found = anytime_prediction(predictions(True), np.array([10.0]), np.array([1.0]))
    right, wrong = np.log1p(np.exp(-2.0)), np.log1p(np.exp(2.0))
    assert found.expected["cross_entropy"] == pytest.approx((right + 3 * wrong) / 4, rel=1e-3)


def test_a_budget_below_the_first_exit() -> None:
    with pytest.raises(ValueError, match="exit 1"):
        anytime_prediction(predictions(False), np.array([9.0]), np.array([1.0]))
