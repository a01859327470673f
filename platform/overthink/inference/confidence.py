"""Confidence of exits, by the criteria of thesis section 3.2.3 and by patience."""

from collections.abc import Callable

from overthink.inference.patience import PATIENCE, agreement_streak
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions

CRITERIA: dict[str, Callable[[Predictions], FloatArray]] = {
    "max-softmax": lambda p: needed(p.max_softmax_EN, "confidence"),
    "entropy": lambda p: -needed(p.entropy_EN, "entropy"),
    "top2-ratio": lambda p: needed(p.top2_ratio_EN, "top2_ratio"),
    PATIENCE: lambda p: agreement_streak(needed(p.predicted_EN, "classes")),
}
"""Name -> confidence (E, N) of predictions."""


def criterion_named(name: str) -> str:
    """Return a criterion's name as CRITERIA has it; `max_softmax`, as earlier versions wrote, is `max-softmax`.

    Raises ValueError for another name.
    """
    known = name.replace("_", "-")
    if known not in CRITERIA:
        raise ValueError(f"criterion must be one of {', '.join(CRITERIA)}, got {name!r}")
    return known


def confidence(predictions: Predictions, criterion: str) -> FloatArray:
    """Return the confidence of every exit for every sample, (E, N); higher always means more confident.

    max-softmax: the largest softmax value, a fraction (thesis eq. 3.7).
    entropy: sum_c p_c log p_c, nats, at most 0: the NEGATIVE entropy, which is thesis eq. 3.8 as printed. The
        thesis calls it entropy, and "high entropy" confident; the printed sum, not the entropy, is high then.
    top2-ratio: highest over second highest softmax value, from 1 to softmax.LARGEST_RATIO.
    patience: number of exits in a row, up to this one, that predict the same class (Zhou et al. 2020).

    Raises ValueError for another criterion, AbsentError where predictions do not have what it is of.
    """
    return CRITERIA[criterion_named(criterion)](predictions)
