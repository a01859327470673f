"""Metrics that are means over samples: what each sample contributes, for intervals that hold for new samples.

Ratios of counts, areas and correlations are no such means, and not here.
"""

import re
from collections.abc import Callable

import numpy as np

from overthink.metrics.overthinking import finally_overthought, overthought, wastefully_overthought
from overthink.predictions.arrays import BoolArray, FloatArray

Contribution = Callable[[BoolArray], BoolArray | FloatArray]
"""(E, N), which exits are right -> (N,), whose mean is a metric."""
CONTRIBUTIONS: dict[str, Contribution] = {
    "accuracy/last": lambda correct_EN: correct_EN[-1],
    "accuracy/mean": lambda correct_EN: correct_EN.mean(axis=0),
    "overthinking/any_later": overthought,
    "overthinking/final": finally_overthought,
    "overthinking/wasteful": wastefully_overthought,
    "oracle/accuracy": lambda correct_EN: np.asarray(correct_EN.any(axis=0)),
    "upper_bound/accuracy": lambda correct_EN: np.asarray(correct_EN.any(axis=0)),
    "policy/accuracy": lambda correct_EN: correct_EN[-1],
}
OF_EXIT = re.compile(r"accuracy/exit_(\d+)")
OF_PAIR = re.compile(r"overthinking_pairs/exit_(\d+)_then_exit_(\d+)")


def contribution(name: str) -> Contribution | None:
    """Return what each sample contributes to the metric of this name; None for one that is no mean over samples.

    >>> import numpy as np
    >>> correct_EN = np.array([[True, True, False], [True, False, True]])
    >>> contribution("accuracy/exit_2")(correct_EN).tolist()
    [True, False, True]
    """
    if found := OF_EXIT.fullmatch(name):
        number = int(found[1])
        return lambda correct_EN: correct_EN[number - 1]
    if found := OF_PAIR.fullmatch(name):
        first, later = map(int, found.groups())
        return lambda correct_EN: correct_EN[first - 1] & ~correct_EN[later - 1]
    return CONTRIBUTIONS.get(name)
