"""Simulated trainings whose truth is known: the margin of the true class, by training, exit and sample.

The margin of training r, exit e and sample n is its expectation, what training r changes for all samples alike, what it
changes for that sample in all of its exits, and what it changes in that exit alone. An exit is right where its margin
is above zero; the softmax is the logistic function of the margin. So an ensemble of infinitely many trainings is right
where the expectation is.
"""

from typing import NamedTuple

import numpy as np

from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.predictions.predictions import Predictions

EXITS = 3
STRENGTH_E = np.array([0.6, 0.9, 1.1])


class World(NamedTuple):
    """Expected margins of N samples, and how much trainings differ."""

    expected_EN: FloatArray
    shared: float
    """Standard deviation of what a training changes for a sample in all exits."""
    own: float
    """Of what it changes in one exit."""
    training: float = 0.0
    """Of what it changes for all samples alike."""

    def margins(self, repeats: int, random: np.random.Generator) -> FloatArray:
        """Return margins (R, E, N) of independent trainings."""
        shape = (repeats, *self.expected_EN.shape)
        shared_R1N = self.shared * random.normal(size=(repeats, 1, shape[2]))
        margin_REN = self.expected_EN + shared_R1N + self.own * random.normal(size=shape)
        if self.training:
            margin_REN += self.training * random.normal(size=(repeats, 1, 1))
        return margin_REN

    @property
    def systematic_any_later(self) -> float:
        """The rate of infinitely many averaged trainings."""
        return float(overthought(self.expected_EN > 0).mean())

    @property
    def systematic_final(self) -> float:
        return float(finally_overthought(self.expected_EN > 0).mean())

    def samples(self, n: int, random: np.random.Generator) -> "World":
        """Return a world of n of its samples, drawn with replacement: what a test set is."""
        return self._replace(expected_EN=self.expected_EN[:, random.integers(self.expected_EN.shape[1], size=n)])


def difficulty_only(n: int, random: np.random.Generator) -> World:
    """Samples differ in difficulty; given that, exits err independently. Nothing is overthought systematically."""
    return World(STRENGTH_E[:, None] - 1.2 * random.normal(size=n), shared=0.0, own=0.7)


def tied_exits(n: int, random: np.random.Generator) -> World:
    """What a training changes, it changes in all exits alike: nothing is overthought."""
    return World(STRENGTH_E[:, None] - 1.2 * random.normal(size=n), shared=0.7, own=0.0)


def no_difficulty(n: int, random: np.random.Generator) -> World:
    """All samples are alike."""
    return World(np.repeat(STRENGTH_E[:, None], n, axis=1), shared=0.0, own=0.9)


def systematic_quarter(n: int, random: np.random.Generator) -> World:
    """A fixed quarter of the samples is overthought with probability 0.6, the rest with 0.03: at the last exit."""
    rare_N = np.where(random.permutation(n) < n // 4, -0.2533, 1.8808)
    return World(np.stack([np.full(n, 6.0), np.full(n, 6.0), rare_N]), shared=0.0, own=1.0)


def correlated(n: int, random: np.random.Generator) -> World:
    """As real networks look: difficulty, some systematic differences between exits, training noise in common."""
    expected_EN = STRENGTH_E[:, None] - 1.5 * random.normal(size=n) + 0.35 * random.normal(size=(EXITS, n))
    return World(expected_EN, shared=0.6, own=0.45)


WORLDS = {
    "difficulty only": difficulty_only,
    "tied exits": tied_exits,
    "no difficulty": no_difficulty,
    "systematic quarter": systematic_quarter,
    "correlated": correlated,
}


def correct(world: World, repeats: int, random: np.random.Generator) -> BoolArray:
    """Return which exits are right, (R, E, N)."""
    correct_REN: BoolArray = world.margins(repeats, random) > 0
    return correct_REN


def predictions_of(margin_REN: FloatArray, keep_logits: bool = True, split: str = "test") -> list[Predictions]:
    """Return predictions of two classes; the true one is 0."""
    _, exits, n = margin_REN.shape
    zeros_N = np.zeros(n, dtype=np.int64)
    return [
        Predictions.from_logits(
            np.stack([margin_EN / 2, -margin_EN / 2], axis=2),
            zeros_N,
            np.arange(n),
            zeros_N,
            (),
            10 * np.arange(1, exits + 1),
            "simulated",
            split,
            keep_logits,
        )
        for margin_EN in margin_REN
    ]
