"""Overthinking: an exit is correct and a later one wrong. Two definitions, both always reported, and related rates.

All take correct_EN, bool (E, N), exits in the order of their cost, at least one exit and one sample; rates are
fractions of all samples. With a single exit they are 0.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray


def overthought(correct_EN: BoolArray) -> BoolArray:
    """Return for each sample, (N,), whether some exit is right and any later one wrong (thesis eq. 3.11).

    >>> import numpy as np
    >>> correct_EN = np.array([[True, False, True, False], [False, True, True, False], [True, False, True, False]])
    >>> overthought(correct_EN).tolist()
    [True, True, False, False]
    """
    right_so_far_EN = np.logical_or.accumulate(correct_EN, axis=0)
    return _any_exit(right_so_far_EN[:-1] & ~correct_EN[1:])


def finally_overthought(correct_EN: BoolArray) -> BoolArray:
    """Return for each sample, (N,), whether the last exit is wrong and an earlier one right (Kaya et al. 2019).

    >>> import numpy as np
    >>> correct_EN = np.array([[True, False, True, False], [False, True, True, False], [True, False, True, False]])
    >>> finally_overthought(correct_EN).tolist()
    [False, True, False, False]
    """
    return _any_exit(correct_EN[:-1] & ~correct_EN[-1])


def wastefully_overthought(correct_EN: BoolArray) -> BoolArray:
    """Return for each sample, (N,), whether the last exit is right and an earlier one, too (Kaya et al. 2019).

    >>> import numpy as np
    >>> correct_EN = np.array([[True, False, True, False], [False, True, True, False], [True, False, True, False]])
    >>> wastefully_overthought(correct_EN).tolist()
    [True, False, True, False]
    """
    return _any_exit(correct_EN[:-1] & correct_EN[-1])


def overthinking_rate(correct_EN: BoolArray) -> float:
    """Return the fraction of samples that some exit gets right and a later one wrong (thesis eq. 3.11).

    The equation leaves open which later exit counts; here any does. `final_overthinking_rate` is never higher.

    >>> import numpy as np
    >>> correct_EN = np.array([[True, False, True, False], [False, True, True, False], [True, False, True, False]])
    >>> overthinking_rate(correct_EN)
    0.5
    """
    return float(overthought(correct_EN).mean())


def final_overthinking_rate(correct_EN: BoolArray) -> float:
    """Return the fraction of samples that the last exit gets wrong and an earlier one right.

    The destructive effect of Kaya et al. 2019, over all samples, not over the last exit's errors. The last exit's
    accuracy plus this rate is the oracle's accuracy.

    >>> import numpy as np
    >>> correct_EN = np.array([[True, False, True, False], [False, True, True, False], [True, False, True, False]])
    >>> final_overthinking_rate(correct_EN)
    0.25
    """
    return float(finally_overthought(correct_EN).mean())


def wasteful_overthinking_rate(correct_EN: BoolArray) -> float:
    """Return the fraction of samples that the last exit gets right and an earlier one does, too.

    The wasteful effect of Kaya et al. 2019. The counts in their paper do not require that the last exit is right: they
    are this rate plus `final_overthinking_rate`.

    >>> import numpy as np
    >>> correct_EN = np.array([[True, False, True, False], [False, True, True, False], [True, False, True, False]])
    >>> wasteful_overthinking_rate(correct_EN)
    0.5
    """
    return float(wastefully_overthought(correct_EN).mean())


def overthinking_pairs(correct_EN: BoolArray) -> FloatArray:
    """Return (E, E): at [i, j] the fraction of samples with exit i right and the later exit j wrong (thesis eq. 3.11).

    0 on and below the diagonal, where j is not later. A sample can count in several pairs.

    >>> import numpy as np
    >>> correct_EN = np.array([[True, False, True, False], [False, True, True, False], [True, False, True, False]])
    >>> overthinking_pairs(correct_EN).tolist()
    [[0.0, 0.25, 0.0], [0.0, 0.0, 0.25], [0.0, 0.0, 0.0]]
    """
    right_EN = correct_EN.astype(np.float64)
    pairs_EE: FloatArray = right_EN @ (1 - right_EN).T / correct_EN.shape[1]
    return np.triu(pairs_EE, k=1)


def mean_confusion(confusion_EN: FloatArray) -> float:
    """Return the mean over samples of sum_i |p_i - p_E|_1, exits i before the last (Kaya et al. 2019).

    confusion_EN is each exit's L1 distance to the last exit's softmax, (E, N); the mean is in [0, 2(E-1)]. Kaya et al.
    also standardise it over the training set; this is the plain sum.

    >>> import numpy as np
    >>> mean_confusion(np.array([[0.5, 1.5], [0.0, 1.0], [0.0, 0.0]]))
    1.5
    """
    return float(confusion_EN.sum(axis=0).mean())


def _any_exit(flags_EN: BoolArray) -> BoolArray:
    any_N: BoolArray = np.asarray(flags_EN.any(axis=0))
    return any_N
