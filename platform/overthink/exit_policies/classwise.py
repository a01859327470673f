"""Thresholds for each predicted class of each exit, by direct search on validation data.

As `direct_search`, but with a threshold for each class that an exit predicts. The best ones of an exit do not depend on
each other, since each sample belongs to one class there. A class keeps the threshold of the search over all classes
where few samples are predicted to be of it, or where its own gains less than two standard errors: a threshold for each
class of each exit fits itself to chance otherwise.
"""

from dataclasses import dataclass

import numpy as np

from overthink.exit_policies.direct_search import direct_search
from overthink.exit_policies.policy import Material
from overthink.exit_policies.rules import Rule, Thresholds, at_exits, exits_by
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions

FEWEST = 20
"""Samples of a class at an exit without which it keeps the common threshold."""
ERRORS = 2.0
"""Standard errors that a threshold of a class's own must gain."""
PRICES = np.geomspace(0.003, 3.0, 16)


@dataclass(frozen=True, eq=False)
class ClasswiseThresholds(Rule):
    """A sample leaves at the first exit with a score of at least the threshold of the class that the exit predicts."""

    threshold_EC: FloatArray
    """The last column is for all classes that were never predicted."""

    def leaves(self, row: int, sure_M: FloatArray, answer_M: IntArray | None) -> BoolArray:
        """Return whether the score is at least the threshold of the class."""
        assert answer_M is not None
        return np.asarray(sure_M >= self.threshold_EC[row, np.minimum(answer_M, self.threshold_EC.shape[1] - 1)])


def classwise(material: Material) -> list[ClasswiseThresholds]:
    """Return thresholds by class for several prices of cost, each begun from the best common ones for that price."""
    common = direct_search(material)
    answer_EN = material.scores.answer_EN
    assert answer_EN is not None
    n_classes = int(answer_EN.max()) + 1
    cost_E = material.cost_E / material.cost_E[-1]
    taken = [exits_by(rule, material.scores) for rule in common]
    accuracy_P = np.array([at_exits(material.right_EN, exit_N).mean() for exit_N in taken])
    cost_P = np.array([cost_E[exit_N].mean() for exit_N in taken])
    starts = [common[int((accuracy_P - price * cost_P).argmax())] for price in PRICES]
    refined = [
        _by_class(material, cost_E, start, price, n_classes) for start, price in zip(starts, PRICES, strict=True)
    ]
    return [*(_alike(rule, n_classes) for rule in common), *refined]


def _alike(rule: Thresholds, n_classes: int) -> ClasswiseThresholds:
    return ClasswiseThresholds(np.repeat(rule.threshold_E[:, None], n_classes + 1, axis=1))


def _by_class(
    material: Material, cost_E: FloatArray, start: Thresholds, price: float, n_classes: int
) -> ClasswiseThresholds:
    """Return thresholds by class, one sweep from the last exit to the first."""
    sure_EN, answer_EN = material.scores.sure_EN, material.scores.answer_EN
    assert answer_EN is not None
    value_EN = material.right_EN - price * cost_E[:, None]
    rule = _alike(start, n_classes)
    left_EN = np.logical_or.accumulate(sure_EN >= start.threshold_E[:, None], axis=0)
    later_N = value_EN[-1]
    for row in range(len(cost_E) - 2, -1, -1):
        here_N = ~left_EN[row - 1] if row else np.ones(len(later_N), dtype=np.bool_)
        for label in range(n_classes):
            of_class_N = here_N & (answer_EN[row] == label)
            if of_class_N.sum() >= FEWEST:
                gain_M, sure_M = (value_EN[row] - later_N)[of_class_N], sure_EN[row, of_class_N]
                own = best_threshold(sure_M, gain_M)
                more_M = gain_M * ((sure_M >= own).astype(float) - (sure_M >= start.threshold_E[row]))
                if more_M.sum() > ERRORS * np.sqrt((more_M**2).sum()):
                    rule.threshold_EC[row, label] = own
        later_N = np.where(rule.leaves(row, sure_EN[row], answer_EN[row]), value_EN[row], later_N)
    return rule


def best_threshold(sure_M: FloatArray, gain_M: FloatArray) -> float:
    """Return the threshold by which those that leave gain most; inf where nobody should leave.

    >>> best_threshold(np.array([0.9, 0.8, 0.7]), np.array([1.0, 1.0, -3.0]))
    0.8
    """
    order_M = np.argsort(-sure_M, kind="stable")
    total_M = gain_M[order_M].cumsum()
    ends_M = np.append(sure_M[order_M][1:] < sure_M[order_M][:-1], True)  # equal scores leave together
    total_M = np.where(ends_M, total_M, -np.inf)
    best = int(total_M.argmax())
    return float(sure_M[order_M[best]]) if total_M[best] > 0 else np.inf


def check_classes(validation: Predictions) -> None:
    """Raise ValueError where a class never occurs among the validation labels."""
    labels_N, predicted_EN = needed(validation.labels_N, "labels"), needed(validation.predicted_EN, "classes")
    known = max(int(labels_N.max()), int(predicted_EN.max())) + 1
    n_classes = known if validation.logits_ENC is None else validation.logits_ENC.shape[2]
    absent_C = np.flatnonzero(np.bincount(labels_N, minlength=n_classes) == 0)
    if len(absent_C):
        raise ValueError(
            f"class {absent_C[0]} never occurs in the validation data, so that no threshold of its own can be chosen; "
            f"use more validation samples"
        )
