"""Baselines that predict an exit without the image: constants, guesses, and logistic regression on a few features."""

from collections.abc import Callable

import numpy as np

from overthink.policy.evidence import Evidence
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions


def best_constant(label_N: IntArray) -> float:
    """Return the accuracy of always predicting the most frequent label.

    >>> best_constant(np.array([0, 0, 1, 0]))
    0.75
    """
    return float(np.bincount(label_N).max() / len(label_N))


def prior_matched(label_N: IntArray, known_N: IntArray, n_classes: int) -> float:
    """Return the expected accuracy of guessing each label with its relative frequency in `known_N`.

    >>> prior_matched(np.array([0, 0, 1, 0]), np.array([0, 1]), 2)
    0.5
    """
    share_C = np.bincount(label_N, minlength=n_classes) / len(label_N)
    known_C = np.bincount(known_N, minlength=n_classes) / len(known_N)
    return float(share_C @ known_C)


def by_confidence(evidence: Evidence) -> IntArray:
    """Return predictions (N,) on the test set of D_ee from the confidence of exit 1 alone.

    Logistic regression on max-softmax, its square and entropy, with balanced labels, fitted on the policy network's
    training samples.
    """
    return _learned(evidence, _confidence)


def by_level(evidence: Evidence) -> IntArray | None:
    """Return predictions (N,) from the difficulty level alone, by the same regression; None without levels."""
    return _learned(evidence, _level) if evidence.test.level_names else None


def _confidence(p: Predictions) -> FloatArray:
    sure_N = needed(p.max_softmax_EN, "confidence")[0]
    return np.stack([sure_N, sure_N**2, needed(p.entropy_EN, "entropy")[0]], axis=1)


def _level(p: Predictions) -> FloatArray:
    return np.eye(max(len(p.level_names), 1))[p.levels_N]


def _learned(evidence: Evidence, features: Callable[[Predictions], FloatArray]) -> IntArray:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    known = evidence.validation_labels
    training_M = np.isin(known.rows_M, evidence.training_rows_M)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    model.fit(features(evidence.network_validation)[known.rows_M[training_M]], known.label_M[training_M])
    test_rows = evidence.test_labels.rows_M
    answers_N: IntArray = model.predict(features(evidence.network_test)[test_rows]).astype(np.int64)
    return answers_N
