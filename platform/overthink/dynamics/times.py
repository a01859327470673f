"""When something begins to hold in the course of a training, and how often it ends: by moment, counted from 0.

All take flags_TX, bool, with the T moments first and whatever else behind: which exits are right, (T, E, N), or which
samples are overthought, (T, N). T itself stands for never.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray, IntArray


def first_time(flags_TX: BoolArray) -> IntArray:
    """Return the first moment at which each flag is set.

    >>> import numpy as np
    >>> first_time(np.array([[False, False, True], [True, False, False], [True, False, True]])).tolist()
    [1, 3, 0]
    """
    times_X: IntArray = np.where(flags_TX.any(axis=0), flags_TX.argmax(axis=0), len(flags_TX))
    return times_X


def for_good(flags_TX: BoolArray) -> IntArray:
    """Return the first moment from which on each flag stays set until the end.

    Of exits that are right, the learning time; of samples that are overthought, when their overthinking was born.

    >>> import numpy as np
    >>> for_good(np.array([[False, True, True], [True, True, False], [True, False, True]])).tolist()
    [1, 3, 2]
    """
    set_at_end_X = np.logical_and.accumulate(flags_TX[::-1], axis=0).sum(axis=0)
    times_X: IntArray = len(flags_TX) - set_at_end_X
    return times_X


def forgetting_events(correct_TEN: BoolArray) -> IntArray:
    """Return how often each exit forgets each sample, (E, N): is right at a moment and wrong at the next.

    Toneva et al. 2019 count it from one presentation in training to the next; here it is from one recording to the
    next.

    >>> import numpy as np
    >>> forgetting_events(np.array([[[True, True]], [[False, True]], [[True, True]], [[False, False]]])).tolist()
    [[2, 1]]
    """
    events_EN: IntArray = (correct_TEN[:-1] & ~correct_TEN[1:]).sum(axis=0)
    return events_EN


def right_depth(correct_EN: BoolArray) -> IntArray:
    """Return the first exit, from 1, from which on every exit is right, (N,); 0 where the last one is wrong.

    For samples that the last exit gets right, the prediction depth of Baldock et al. 2021, with exits in place of
    nearest neighbours on hidden layers. A course does not hold which wrong class an exit answers.

    >>> import numpy as np
    >>> right_depth(np.array([[True, True, False], [False, True, False], [True, True, False]])).tolist()
    [3, 1, 0]
    """
    depth_N: IntArray = np.where(correct_EN[-1], for_good(correct_EN) + 1, 0)
    return depth_N
