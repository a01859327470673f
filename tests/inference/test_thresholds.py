import math

import numpy as np
import pytest

from overthink.inference.thresholds import exit_distributions, exits_taken, thresholds


def test_distributions_by_hand() -> None:
    """b = 2: p = 1 halves from exit to exit, p = 2 is uniform, p = 4 doubles."""
    q_PE = exit_distributions(3, b=2, iterations=4)
    np.testing.assert_allclose(q_PE[0], [4 / 7, 2 / 7, 1 / 7])
    np.testing.assert_allclose(q_PE[1], [1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(q_PE[3], [1 / 7, 2 / 7, 4 / 7])
    assert exit_distributions(5).shape == (39, 5)
    np.testing.assert_allclose(exit_distributions(100).sum(axis=1), 1)  # and does not overflow
    with pytest.raises(ValueError, match="at least 1"):
        exit_distributions(3, b=0)


def test_thresholds_by_hand() -> None:
    """Ten samples, shares 0.3, 0.4, 0.3: the three surest at exit 1 leave, then the four surest of the rest."""
    first = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    second = np.array([1.0, 1.0, 1.0, 0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4])
    sure_EN = np.stack([first, second, np.zeros(10)])
    threshold_E = thresholds(sure_EN, np.array([0.3, 0.4, 0.3]))
    assert threshold_E.tolist() == [0.7, 0.4, -math.inf]
    assert exits_taken(sure_EN, threshold_E).tolist() == [0, 0, 0, 2, 1, 2, 1, 2, 1, 1]


def one_by_one(confidence: list[list[float]], q: list[float]) -> list[float]:
    """Algorithm 1 a sample at a time."""
    n_exits, n_samples = len(confidence), len(confidence[0])
    there, found = set(range(n_samples)), []
    for i in range(n_exits - 1):
        wanted, limit = math.floor(n_samples * q[i] + 1e-9), math.inf
        for sample in sorted(there, key=lambda sample: -confidence[i][sample])[:wanted]:
            limit = confidence[i][sample]
        found.append(limit)
        there = {sample for sample in there if confidence[i][sample] < limit}
    return [*found, -math.inf]


@pytest.mark.parametrize("seed", range(200))
def test_against_an_implementation_for_single_samples(seed: int) -> None:
    """With and without ties."""
    random = np.random.default_rng(seed)
    n_exits, n_samples = int(random.integers(1, 6)), int(random.integers(1, 40))
    sure_EN = random.random((n_exits, n_samples))
    if seed % 2:
        sure_EN = np.round(sure_EN, 1)
    q_E = exit_distributions(n_exits)[random.integers(39)]
    threshold_E = thresholds(sure_EN, q_E)
    assert threshold_E.tolist() == one_by_one(sure_EN.tolist(), q_E.tolist())
    for sample, row in enumerate(exits_taken(sure_EN, threshold_E).tolist()):
        sure = [sure_EN[i, sample] >= threshold_E[i] for i in range(n_exits)]
        assert row == (sure.index(True) if True in sure[:-1] else n_exits - 1)


def test_the_samples_of_each_exit_are_as_many_as_were_asked_for() -> None:
    sure_EN = np.random.default_rng(0).random((5, 1000))
    q_E = np.full(5, 0.2)
    counts = np.bincount(exits_taken(sure_EN, thresholds(sure_EN, q_E)), minlength=5)
    assert counts.tolist() == [200] * 5


def test_an_exit_that_nobody_takes_and_one_that_everybody_takes() -> None:
    sure_EN = np.array([[0.5, 0.6], [0.7, 0.8]])
    assert thresholds(sure_EN, np.array([0.0, 1.0])).tolist() == [math.inf, -math.inf]
    assert exits_taken(sure_EN, np.array([math.inf, math.inf])).tolist() == [1, 1]
    assert exits_taken(sure_EN, thresholds(sure_EN, np.array([1.0, 0.0]))).tolist() == [0, 0]
    assert thresholds(np.array([[0.4]]), np.array([1.0])).tolist() == [-math.inf]


def test_ties_leave_together() -> None:
    sure_EN = np.array([[0.9, 0.9, 0.9, 0.1], [0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0]])
    threshold_E = thresholds(sure_EN, np.array([0.25, 0.5, 0.25]))
    assert threshold_E.tolist() == [0.9, 0.5, -math.inf]  # one was due and three left; the second exit takes the rest
    assert exits_taken(sure_EN, threshold_E).tolist() == [0, 0, 0, 1]


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(ValueError, match="there are none"):
        thresholds(np.zeros((3, 0)), np.ones(3) / 3)
    with pytest.raises(ValueError, match="not a number"):
        thresholds(np.array([[np.nan], [0.5]]), np.array([0.5, 0.5]))
