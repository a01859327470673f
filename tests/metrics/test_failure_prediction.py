"""Failure prediction against brute force; examples are in the docstrings."""

from itertools import permutations, product

import numpy as np
import pytest

from overthink.metrics.failure_prediction import aurc, auroc, excess_aurc, least_aurc


def test_auroc_counts_pairs() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        correct_N, sure_N = random.random(30) < 0.6, random.integers(0, 8, 30) / 8
        pairs = list(product(sure_N[correct_N], sure_N[~correct_N]))
        expected = np.mean([float(right > wrong) + 0.5 * (right == wrong) for right, wrong in pairs])
        assert auroc(correct_N, sure_N) == pytest.approx(expected)
    assert np.isnan(auroc(np.ones(3, dtype=bool), np.ones(3)))


def test_aurc_is_the_mean_over_all_orders_of_equal_confidences() -> None:
    correct_N, sure_N = np.array([True, False, True, False, True]), np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    found = []
    for order in permutations(range(5)):
        ordered = list(order)
        if (np.diff(sure_N[ordered]) <= 0).all():
            wrong_N = ~correct_N[ordered]
            found.append((wrong_N.cumsum() / np.arange(1, 6)).mean())
    assert aurc(correct_N, sure_N) == pytest.approx(np.mean(found))


def test_the_least_area_is_about_its_formula() -> None:
    """r + (1 - r) log(1 - r) for an error rate r and many samples."""
    correct_N = np.arange(20_000) >= 5_000
    assert least_aurc(correct_N) == pytest.approx(0.25 + 0.75 * np.log(0.75), abs=1e-4)
    assert excess_aurc(correct_N, correct_N.astype(float)) == 0
