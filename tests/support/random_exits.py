"""Predictions of made-up networks: exits that know more and more of the right class, and err together."""

import numpy as np

from overthink.predictions.predictions import Predictions

COSTS = [1000, 2500, 4000, 7000, 10_000]


def made_up(
    n: int, split: str, seed: int = 0, exits: int = 3, classes: int = 4, keep_logits: bool = True
) -> Predictions:
    """Return predictions of `exits` exits; equal seeds give equal networks, a split gives other samples."""
    random = np.random.default_rng([seed, len(split)])
    labels_N = random.permutation(np.arange(n) % classes)
    shared_NC, signal_N = random.normal(size=(n, classes)), random.gamma(2.0, 0.8, size=n)
    logits = []
    for row in range(exits):
        own_NC = random.normal(size=(n, classes))
        strength = 0.6 + 0.5 * row
        logits.append(shared_NC + own_NC + strength * signal_N[:, None] * np.eye(classes)[labels_N])
    zeros_N = np.zeros(n, dtype=np.int64)
    costs = COSTS[:exits]
    return Predictions.from_logits(
        np.stack(logits), labels_N, np.arange(n), zeros_N, (), costs, "made up", split, keep_logits
    )
