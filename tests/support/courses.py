"""Courses of trainings that are made up: random ones, realistic ones, and the moments of a schedule."""

from collections.abc import Sequence

import numpy as np

from overthink.predictions.arrays import BoolArray
from overthink.predictions.course import Course, Moment


def moments(count: int, drops: Sequence[int] = (), steps: int = 10) -> tuple[Moment, ...]:
    """Return moments after epochs 1, 2, ..., whose learning rate falls tenfold from each drop (an epoch from 0) on."""
    return tuple(
        Moment(float(epoch + 1), steps * (epoch + 1), 1, 0.1 * 0.1 ** sum(epoch >= drop for drop in drops))
        for epoch in range(count)
    )


def course(correct_TEN: BoolArray, drops: Sequence[int] = (), split: str = "test") -> Course:
    """Return the course of some answers, with a middling confidence."""
    n_moments, _, n_samples = correct_TEN.shape
    ids_N = np.arange(n_samples)
    confidence_TEN = np.full(correct_TEN.shape, 128, dtype=np.uint8)
    return Course(split, "made up", moments(n_moments, drops), ids_N, ids_N % 10, correct_TEN, confidence_TEN)


def realistic(n_moments: int, n_exits: int, n_samples: int, seed: int = 0) -> Course:
    """Return a course as trainings have it: margins grow with time and depth, and flicker from epoch to epoch."""
    chance = np.random.default_rng(seed)
    ease_N = chance.normal(0.4, 1.2, n_samples)
    noise_TEN = chance.normal(0, 0.5, (n_moments, n_exits, n_samples)).astype(np.float32)
    own_EN = chance.normal(0, 0.5, (n_exits, n_samples))
    time_T = np.linspace(0.1, 1, n_moments)[:, None, None] ** 0.5
    depth_E = np.linspace(0.6, 1.2, n_exits)[None, :, None]
    margin_TEN = 2.5 * time_T * (ease_N + own_EN) * depth_E + noise_TEN
    sure_TEN = np.abs(margin_TEN) + chance.gamma(1.5, 0.6, margin_TEN.shape).astype(np.float32)
    confidence_TEN = np.rint(255 / (1 + 9 * np.exp(-2 * sure_TEN))).astype(np.uint8)
    whole = course(margin_TEN > 0, drops=(n_moments // 2, 3 * n_moments // 4))
    return Course(
        whole.split, whole.fingerprint, whole.moments, whole.ids_N, whole.labels_N, whole.correct_TEN, confidence_TEN
    )
