"""Classification scores of a policy network for unbalanced labels: recall, balanced accuracy, AUC, confusion."""

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray


def recall(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> FloatArray:
    """Return the fraction of each label's samples that are predicted correctly, (C,); NaN for a label without samples.

    >>> recall(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [0.5, 1.0]
    """
    count_C = np.bincount(label_N, minlength=n_classes)
    right_C = np.bincount(label_N[label_N == predicted_N], minlength=n_classes)
    with np.errstate(invalid="ignore"):
        return np.asarray(right_C / count_C, dtype=np.float64)


def balanced_accuracy(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> float:
    """Return the mean recall over the labels that occur; 1 / C for predictions independent of the sample.

    >>> balanced_accuracy(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    0.75
    """
    return float(np.nanmean(recall(label_N, predicted_N, n_classes)))


def cohens_kappa(one_N: IntArray, other_N: IntArray, n_classes: int) -> float:
    """Return (p_o - p_e) / (1 - p_e), p_o: share of equal labels, p_e: of independent labels that are as frequent.

    1 for equal labels, 0 for independent ones; NaN where both are always the same label. Cohen 1960.

    >>> cohens_kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)
    0.5
    """
    one_C, other_C = (np.bincount(label_N, minlength=n_classes) / len(label_N) for label_N in (one_N, other_N))
    chance = float(one_C @ other_C)
    return float(((one_N == other_N).mean() - chance) / (1 - chance)) if chance < 1 else float("nan")


def macro_auc(label_N: IntArray, probability_NC: FloatArray) -> float | None:
    """Return the area under the ROC curve of each label against the rest, averaged over labels; 0.5 is chance.

    probability_NC is the softmax of each label. By ranks (Mann-Whitney U); ties count half. None if fewer than two
    labels occur.

    >>> macro_auc(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]]))
    1.0
    """
    from scipy.stats import rankdata

    areas = []
    for c in range(probability_NC.shape[1]):
        mine_N = label_N == c
        n_mine, n_others = int(mine_N.sum()), int((~mine_N).sum())
        if n_mine and n_others:
            rank_sum = float(rankdata(probability_NC[:, c])[mine_N].sum())
            areas.append((rank_sum - n_mine * (n_mine + 1) / 2) / (n_mine * n_others))
    return float(np.mean(areas)) if areas else None


def confusion(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> IntArray:
    """Return the confusion matrix (C, C): number of samples by label (rows) and prediction (columns).

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(label_N * n_classes + predicted_N, minlength=n_classes**2).reshape(n_classes, n_classes)
