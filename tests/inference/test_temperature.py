"""Temperature scaling, and losses that need the logits."""

from math import exp, log

import numpy as np
import pytest

from overthink.inference.temperature import HIGHEST, LOWEST, losses, negative_log_likelihood, scaled, temperatures
from overthink.metrics.calibration import calibration_error
from overthink.metrics.catalogue import compute, describe
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions


def kept(logits_ENC: np.ndarray, labels_N: np.ndarray, split: str = "val", keep: bool = True) -> Predictions:
    return Predictions.from_logits(
        logits_ENC,
        labels_N=labels_N,
        ids_N=np.arange(len(labels_N)),
        levels_N=np.zeros(len(labels_N), dtype=np.int64),
        level_names=(),
        cost_E=np.arange(1, len(logits_ENC) + 1),
        fingerprint="test",
        split=split,
        keep_logits=keep,
    )


def overconfident(factor_E: tuple[float, ...], n_samples: int, seed: int, split: str = "val") -> Predictions:
    """Labels drawn from the softmax of logits; each exit shows them times its factor, which is its temperature."""
    random = np.random.default_rng(seed)
    logits_NC = random.normal(size=(n_samples, 4)) * 1.5
    probability_NC = np.exp(logits_NC) / np.exp(logits_NC).sum(axis=1, keepdims=True)
    labels_N = (random.random((n_samples, 1)) > probability_NC.cumsum(axis=1)).sum(axis=1).clip(max=3)
    return kept(np.array(factor_E)[:, None, None] * logits_NC, labels_N, split)


def test_by_hand() -> None:
    """Two classes, a gap of 2, right 3 times of 4: softmax(gap / T) = 3/4 where gap / T = log 3."""
    logits_ENC = np.array([[[2.0, 0.0]] * 4])
    found = temperatures(kept(logits_ENC, np.array([0, 0, 0, 1])))
    assert found.tolist() == pytest.approx([2 / log(3)], rel=1e-4)
    assert losses(kept(logits_ENC, np.array([0, 0, 0, 1]))).tolist() == pytest.approx(
        [(3 * log(1 + exp(-2)) + log(1 + exp(2))) / 4]
    )


def test_against_a_grid() -> None:
    validation = overconfident((1.0, 0.2, 5.0), 300, seed=1)
    grid = np.geomspace(LOWEST, HIGHEST, 4001)
    assert validation.logits_ENC is not None
    labels_N = needed(validation.labels_N, "labels")
    for found, logits_NC in zip(temperatures(validation), validation.logits_ENC, strict=True):
        best = min(grid, key=lambda t, z=logits_NC: negative_log_likelihood(z / t, labels_N))  # type: ignore[misc]
        assert found == pytest.approx(best, rel=0.005)


def test_the_truth_is_found_and_mends_the_calibration_of_other_samples() -> None:
    validation, test = overconfident((1.0, 3.0), 20_000, 2), overconfident((1.0, 3.0), 20_000, 3, "test")
    found_E = temperatures(validation)
    assert found_E.tolist() == pytest.approx([1.0, 3.0], rel=0.04)
    cooled = scaled(test, found_E)
    before, after = (calibration_error(p.correct_EN, needed(p.max_softmax_EN, "confidence")) for p in (test, cooled))
    assert before[1] > 0.12
    assert (after < 0.015).all()
    assert (needed(cooled.predicted_EN, "classes") == needed(test.predicted_EN, "classes")).all()


def test_an_exit_always_right_or_always_wrong_meets_a_bound() -> None:
    """Below 0.05, the exit that is always right is as sure as a float can say: all of that is as good."""
    logits_ENC = np.array([[[2.0, 0.0]] * 3])
    assert LOWEST <= temperatures(kept(logits_ENC, np.zeros(3, dtype=np.int64)))[0] < 0.06
    assert temperatures(kept(logits_ENC, np.ones(3, dtype=np.int64)))[0] == pytest.approx(HIGHEST, rel=0.02)


def test_without_logits_a_sentence_and_no_metric() -> None:
    logits_ENC, labels_N = np.random.default_rng(0).normal(size=(2, 9, 3)), np.arange(9) % 3
    bare = kept(logits_ENC, labels_N, keep=False)
    with pytest.raises(ValueError, match="keep_logits: true"):
        temperatures(bare)
    names = compute(kept(logits_ENC, labels_N), kept(logits_ENC, labels_N))
    assert {"temperature/exit_2", "calibration_scaled/ece/exit_1"} <= set(names)
    assert not any("temperature" in name or "scaled" in name for name in compute(bare, bare))
    assert describe("temperature/exit_2").title == "Temperature of exit 2"
