"""Predictions of repeats whose truth is known."""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions

CLASSES = 4


def answers(correct_REN: BoolArray, seed: int = 0) -> tuple[IntArray, IntArray]:
    """Return predictions and labels with just these right; wrong answers are drawn."""
    random = np.random.default_rng(seed)
    labels_N: IntArray = random.integers(0, CLASSES, (correct_REN.shape[2],))
    wrong_REN = (labels_N + random.integers(1, CLASSES, correct_REN.shape)) % CLASSES
    predicted_REN: IntArray = np.where(correct_REN, labels_N, wrong_REN)
    return predicted_REN, labels_N


def independent(repeats: int, n: int, right_E: FloatArray, seed: int = 0) -> BoolArray:
    """Every exit of every model is right by a coin of its own."""
    random = np.random.default_rng(seed)
    correct_REN: BoolArray = random.random((repeats, len(right_E), n)) < right_E[:, None]
    return correct_REN


def by_difficulty(repeats: int, n: int, exits: int = 3, seed: int = 0) -> BoolArray:
    """A sample has a chance of its own; given that, every exit of every model is right by a coin of its own."""
    random = np.random.default_rng(seed)
    chance_N = random.beta(0.7, 0.7, n)
    correct_REN: BoolArray = random.random((repeats, exits, n)) < chance_N
    return correct_REN


def tied(repeats: int, n: int, exits: int = 3, seed: int = 0) -> BoolArray:
    """All exits of a model are right about the very same samples: nothing is overthought."""
    random = np.random.default_rng(seed)
    return np.repeat(random.random((repeats, 1, n)) < 0.6, exits, axis=1)


def predictions(correct_REN: BoolArray) -> list[Predictions]:
    predicted_REN, labels_N = answers(correct_REN)
    _, exits, n = correct_REN.shape
    ids_N, levels_N = np.arange(n), np.zeros(n, dtype=np.int64)
    return [
        Predictions.from_logits(
            3 * np.eye(CLASSES, dtype=np.float32)[predicted_EN],
            labels_N,
            ids_N,
            levels_N,
            ("all",),
            np.arange(1, exits + 1),
            "data",
            "test",
            False,
        )
        for predicted_EN in predicted_REN
    ]
