"""Temperature scaling: an exit's largest softmax value once its logits are divided by a fitted number."""

from dataclasses import dataclass

import numpy as np

from overthink.exit_policies.scoring import Memory, Score, Scorer
from overthink.exit_policies.seen import Seen
from overthink.inference.temperature import temperatures
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions
from overthink.predictions.softmax import max_softmax


@dataclass(frozen=True, eq=False)
class Temperature(Scorer):
    """The largest value of softmax(z / T); it costs C multiplications at each exit."""

    temperature_E: FloatArray

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the calibrated confidence; the classes stay."""
        return Score(max_softmax(seen.logits_MC.astype(np.float64) / self.temperature_E[row]))

    def own_cost_E(self, n_exits: int, n_classes: int) -> FloatArray:  # noqa: N802
        """Return C for every exit but the last, where nothing is decided."""
        return np.array([*[float(n_classes)] * (n_exits - 1), 0.0])


def fit_temperature(validation: Predictions) -> Temperature:
    """Return the scorer with the temperatures that fit validation labels best."""
    return Temperature(temperatures(validation))
