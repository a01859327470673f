"""Predictions written as marks: which exit gets which sample right."""

import numpy as np

from overthink.predictions.predictions import Predictions
from overthink.training.epoch_record import EpochRecord


def predictions(right: list[str], levels_of: list[int], names: tuple[str, ...] = ("easy", "hard")) -> Predictions:
    """Make predictions from marks: a text an exit, a 1 a sample that it gets right. Label 0, else class 1."""
    correct_EN = np.array([[mark == "1" for mark in marks] for marks in right])
    logits_ENC = np.where(correct_EN[..., None], [2.0, 0.0], [0.0, 1.0]).astype(np.float32)
    n = correct_EN.shape[1]
    return Predictions.from_logits(
        logits_ENC,
        labels_N=np.zeros(n, dtype=np.int64),
        ids_N=np.arange(n),
        levels_N=np.array(levels_of),
        level_names=names,
        cost_E=np.array([10, 30, 60][: len(right)]),
        fingerprint="test",
        split="test",
        keep_logits=False,
    )


ONE = predictions(["1100", "1010", "1000"], [0, 0, 1, 1])


TWO = predictions(["1111", "1111", "1111"], [0, 0, 1, 1])


def record(epoch: int, phase: int, lr: float) -> EpochRecord:
    return EpochRecord(
        epoch,
        phase,
        lr,
        train_loss=1 / epoch,
        train_accuracy=(0.1 * epoch, 0.2 * epoch),
        val_loss=(0.1 * epoch, 0.2 * epoch),
        val_accuracy=(0.1 * epoch, 0.2 * epoch),
        seconds=1.0,
        images_per_second=1.0,
    )
