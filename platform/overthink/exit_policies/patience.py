"""Patience: exits in a row that predict the same class (Zhou et al. 2020, PABEE)."""

import numpy as np

from overthink.exit_policies.scoring import Memory, Score, Scorer
from overthink.exit_policies.seen import Seen


class Patience(Scorer):
    """The number of exits in a row, up to this one, that predict the same class; 1 at exit 1."""

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the streak, as `inference.patience.agreement_streak` counts it."""
        predicted_M = seen.predicted_M
        if memory:
            before_M, streak_M = memory
            streak_M = np.where(predicted_M == before_M, streak_M + 1, 1.0)
        else:
            streak_M = np.ones(len(predicted_M))
        return Score(streak_M, None, (predicted_M, streak_M))
