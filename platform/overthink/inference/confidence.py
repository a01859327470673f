"""Confidence of exits, by the criteria of thesis section 3.2.3 and by patience."""

from overthink.inference.patience import agreement_streak
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions

CRITERIA = ("max_softmax", "entropy", "top2_ratio", "patience")


def confidence(predictions: Predictions, criterion: str) -> FloatArray:
    """Return the confidence of every exit for every sample, (E, N); higher always means more confident.

    max_softmax: the largest softmax value, a fraction (thesis eq. 3.7).
    entropy: sum_c p_c log p_c, nats, at most 0: the NEGATIVE entropy, which is thesis eq. 3.8 as printed. The
        thesis calls it entropy, and "high entropy" confident; the printed sum, not the entropy, is high then.
    top2_ratio: highest over second highest softmax value, from 1 to softmax.LARGEST_RATIO.
    patience: number of exits in a row, up to this one, that predict the same class (Zhou et al. 2020).

    Raises ValueError for another criterion.
    """
    if criterion == "max_softmax":
        return predictions.max_softmax_EN
    if criterion == "entropy":
        return -predictions.entropy_EN
    if criterion == "top2_ratio":
        return predictions.top2_ratio_EN
    if criterion == "patience":
        return agreement_streak(predictions.predicted_EN)
    raise ValueError(f"confidence must be one of {', '.join(CRITERIA)}, got {criterion!r}")
