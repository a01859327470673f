import numpy as np
import pytest

from overthink.study.depth import by_chance, distribution, prediction_depth, times


def test_by_hand() -> None:
    """Answers over three exits: 1 1 1 stands from exit 1, 2 1 1 from 2, 1 2 1 and 2 2 1 from 3."""
    predicted_REN = np.array([[[1, 2, 1, 2], [1, 1, 2, 2], [1, 1, 1, 1]]])
    assert prediction_depth(predicted_REN).tolist() == [[1, 2, 3, 3]]
    assert distribution(np.array([[1, 2, 3, 3]]), 3).tolist() == [[0.25, 0.25, 0.5]]


def test_against_loops() -> None:
    predicted_REN = np.random.default_rng(0).integers(0, 2, (3, 4, 50))
    for r, k in np.ndindex(3, 50):
        answers = predicted_REN[r, :, k].tolist()
        depth = next(e for e in range(1, 5) if all(answer == answers[-1] for answer in answers[e - 1 :]))
        assert prediction_depth(predicted_REN)[r, k] == depth


def test_one_exit_is_as_deep_as_it_goes() -> None:
    assert (prediction_depth(np.zeros((2, 1, 5), dtype=np.int64)) == 1).all()


def test_times() -> None:
    assert times(np.array([[1, 0, 1], [1, 0, 0]], dtype=bool)).tolist() == [1, 1, 1]
    assert by_chance(0.5, 2) == pytest.approx([0.25, 0.5, 0.25])
