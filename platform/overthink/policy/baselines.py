"""What answers need no image: constants, guesses, and what a feature or two can tell."""

from collections.abc import Callable

import numpy as np

from overthink.policy.evidence import Evidence
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions


def best_constant(label_N: IntArray) -> float:
    """Return the accuracy of the most frequent label as the answer to everything."""
    return float(np.bincount(label_N).max() / len(label_N))


def prior_matched(label_N: IntArray, known_N: IntArray, n_classes: int) -> float:
    """Return the expected accuracy of guessing each label as often as it is known to occur elsewhere."""
    share_C = np.bincount(label_N, minlength=n_classes) / len(label_N)
    known_C = np.bincount(known_N, minlength=n_classes) / len(known_N)
    return float(share_C @ known_C)


def by_confidence(evidence: Evidence) -> IntArray:
    """Return answers (N,) on D_ee's test set from nothing but how sure exit 1 is.

    Logistic regression on max-softmax, its square and entropy, labels balanced, learned from the samples
    that the policy network learns from.
    """
    return _learned(evidence, _confidence)


def by_level(evidence: Evidence) -> IntArray | None:
    """Return answers from nothing but the difficulty level; None where samples have none."""
    return _learned(evidence, _level) if evidence.test.level_names else None


def _confidence(p: Predictions) -> FloatArray:
    sure_N = p.max_softmax_EN[0]
    return np.stack([sure_N, sure_N**2, p.entropy_EN[0]], axis=1)


def _level(p: Predictions) -> FloatArray:
    return np.eye(max(len(p.level_names), 1))[p.levels_N]


def _learned(evidence: Evidence, features: Callable[[Predictions], FloatArray]) -> IntArray:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    known = evidence.labels.of(evidence.network_validation)
    learns_M = np.isin(known.rows_M, evidence.training_rows_M)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    model.fit(features(evidence.network_validation)[known.rows_M[learns_M]], known.label_M[learns_M])
    asked = evidence.labels.of(evidence.network_test).rows_M
    answers_N: IntArray = model.predict(features(evidence.network_test)[asked]).astype(np.int64)
    return answers_N
