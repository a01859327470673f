"""Whether labels and predicted classes of a file that others wrote are numbered alike: from 0."""

import numpy as np

from overthink.predictions.arrays import IntArray


def check_labels(labels_N: IntArray, n_classes: int) -> None:
    """Raise ValueError where a label is that of no class, 0 to n_classes - 1."""
    wrong_N = (labels_N < 0) | (labels_N >= n_classes)
    if wrong_N.any():
        row = int(np.argmax(wrong_N))
        from_one = labels_N.min() == 1 and labels_N.max() == n_classes
        raise ValueError(
            f"labels (--label) must lie between 0 and {n_classes - 1}, got {labels_N[row]} in row {row + 1}"
            + ("; they are numbered from 1, so take 1 off" if from_one else "")
        )


def check_same_numbering(labels_N: IntArray, predicted_EN: IntArray) -> None:
    """Raise ValueError where labels begin one above or below the predicted classes and agree better if moved by that.

    Nothing else would tell: every exit would seem wrong about nearly every sample.
    """
    shift = int(labels_N.min()) - int(predicted_EN.min())
    if abs(shift) != 1:
        return
    as_they_are, moved = (float((predicted_EN == labels_N - by).mean(axis=1).max()) for by in (0, shift))
    if moved > as_they_are:
        raise ValueError(
            f"labels (--label) begin at {labels_N.min()} and predicted classes (--prediction) at {predicted_EN.min()}: "
            f"{100 * as_they_are:.1f}% of them are equal at best, {100 * moved:.1f}% would be if both began at 0"
        )
