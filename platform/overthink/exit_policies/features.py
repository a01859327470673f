"""What learned policies look at, at one exit: its softmax in four numbers, and how it compares with the exit before."""

import numpy as np

from overthink.exit_policies.scoring import Memory
from overthink.exit_policies.seen import Seen
from overthink.predictions.arrays import FloatArray

N_FEATURES = 8


def features(seen: Seen, memory: Memory) -> tuple[FloatArray, Memory]:
    """Return (M, F) and what the next exit needs.

    The largest softmax value, its logit, the entropy (nats), the margin, the logarithm of the top-2 ratio (at most 20);
    then the streak of agreeing exits, the largest softmax value of the exit before, and the highest so far.
    """
    sure_M, predicted_M = seen.max_softmax_M, seen.predicted_M
    streak_M, before_M, highest_M = np.ones(len(sure_M)), np.zeros(len(sure_M)), sure_M
    if memory:
        answered_M, of_before_M, before_M, highest_M = memory
        streak_M = np.where(predicted_M == answered_M, of_before_M + 1, 1.0)
        highest_M = np.maximum(highest_M, sure_M)
    unit_M = np.clip(sure_M, 1e-6, 1 - 1e-6)
    columns = [
        *(sure_M, np.log(unit_M / (1 - unit_M)), seen.entropy_M, seen.margin_M),
        *(np.minimum(np.log(seen.top2_ratio_M), 20.0), streak_M, before_M, highest_M),
    ]
    return np.stack(columns, axis=1), (predicted_M, streak_M, sure_M, highest_M)


def gate_features(seen: Seen) -> FloatArray:
    """Return JEI-DNN's four features, (M, 4).

    The largest softmax value, the entropy (nats), the margin, and the entropy of p^2 / sum p^2.
    """
    sharp_MC = 2 * seen.log_softmax_MC
    sharp_MC = sharp_MC - sharp_MC.max(axis=1, keepdims=True)
    sharp_MC = sharp_MC - np.log(np.exp(sharp_MC).sum(axis=1, keepdims=True))
    sharpened_M = -(np.exp(sharp_MC) * sharp_MC).sum(axis=1)
    return np.stack([seen.max_softmax_M, seen.entropy_M, seen.margin_M, sharpened_M], axis=1)
