"""Predictions of random logits that get better from exit to exit."""

import numpy as np

from overthink.predictions.predictions import Predictions


def predictions(
    n_samples: int = 60, n_exits: int = 4, n_classes: int = 5, seed: int = 0, split: str = "test"
) -> Predictions:
    random = np.random.default_rng(seed)
    labels_N = random.integers(n_classes, size=n_samples)
    right_ENC = np.eye(n_classes)[labels_N] * np.linspace(1, 2.5, n_exits)[:, None, None]
    return Predictions.from_logits(
        (random.normal(size=(n_exits, n_samples, n_classes)) + right_ENC).astype(np.float32),
        labels_N=labels_N,
        ids_N=np.arange(n_samples),
        levels_N=np.zeros(n_samples, dtype=np.int64),
        level_names=(),
        cost_E=np.cumsum(np.arange(10, 10 + n_exits)),
        fingerprint="test",
        split=split,
        keep_logits=False,
    )


VAL, TEST = predictions(seed=1, split="val"), predictions(seed=2)
