"""How well exits are told apart: accuracy is not enough, since labels are seldom balanced."""

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray


def recall(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> FloatArray:
    """Return the share of each label's samples that are recognised, (C,); NaN for a label without samples."""
    count_C = np.bincount(label_N, minlength=n_classes)
    right_C = np.bincount(label_N[label_N == predicted_N], minlength=n_classes)
    with np.errstate(invalid="ignore"):
        return np.asarray(right_C / count_C, dtype=np.float64)


def balanced_accuracy(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> float:
    """Return the mean recall over the labels that occur: 1 / C for any answer that does not look at its sample."""
    return float(np.nanmean(recall(label_N, predicted_N, n_classes)))


def macro_auc(label_N: IntArray, chance_NC: FloatArray) -> float | None:
    """Return the area under the ROC curve of each label against the rest, averaged over labels; 0.5 is chance.

    By ranks (Mann and Whitney), ties counting half. None where fewer than two labels occur.
    """
    from scipy.stats import rankdata

    areas = []
    for c in range(chance_NC.shape[1]):
        mine_N = label_N == c
        n_mine, n_others = int(mine_N.sum()), int((~mine_N).sum())
        if n_mine and n_others:
            rank_sum = float(rankdata(chance_NC[:, c])[mine_N].sum())
            areas.append((rank_sum - n_mine * (n_mine + 1) / 2) / (n_mine * n_others))
    return float(np.mean(areas)) if areas else None


def confusion(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> IntArray:
    """Return how many samples of each label (down) get each answer (across), (C, C)."""
    return np.bincount(label_N * n_classes + predicted_N, minlength=n_classes**2).reshape(n_classes, n_classes)
