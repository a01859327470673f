import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overthink.predictions.arrays import FloatArray
from overthink.predictions.softmax import LARGEST_RATIO, entropy, l1_distance, max_softmax, softmax, top2_ratio

EIGHT_TO_ONE_TO_ONE = np.log(np.array([[8.0, 1.0, 1.0], [2.0, 5.0, 3.0]]))


def test_a_hand_worked_softmax() -> None:
    expected_NC = [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3]]
    assert softmax(EIGHT_TO_ONE_TO_ONE) == pytest.approx(np.array(expected_NC))
    assert max_softmax(EIGHT_TO_ONE_TO_ONE) == pytest.approx([0.8, 0.5])
    assert top2_ratio(EIGHT_TO_ONE_TO_ONE) == pytest.approx([8.0, 5 / 3])
    first = -0.8 * math.log(0.8) - 0.2 * math.log(0.1)
    second = -0.2 * math.log(0.2) - 0.5 * math.log(0.5) - 0.3 * math.log(0.3)
    assert entropy(EIGHT_TO_ONE_TO_ONE) == pytest.approx([first, second])
    assert l1_distance(EIGHT_TO_ONE_TO_ONE[0], EIGHT_TO_ONE_TO_ONE[1]) == pytest.approx(0.6 + 0.4 + 0.2)


@given(arrays(np.float64, (4, 5), elements=st.floats(-30, 30)))
def test_against_a_loop_over_samples(logits_NC: FloatArray) -> None:
    for row, logits_C in enumerate(logits_NC):
        powers = [math.exp(value) for value in logits_C]
        p = sorted((power / math.fsum(powers) for power in powers), reverse=True)
        assert max_softmax(logits_NC)[row] == pytest.approx(p[0])
        assert entropy(logits_NC)[row] == pytest.approx(-sum(q * math.log(q) for q in p), abs=1e-12)
        assert top2_ratio(logits_NC)[row] == pytest.approx(p[0] / p[1])


@given(arrays(np.float32, (3, 4), elements=st.floats(-(2.0**127), 2.0**127, width=32)))
def test_every_finite_logit_gives_values_within_their_bounds(logits_NC: np.ndarray) -> None:
    assert (max_softmax(logits_NC) >= 0.25 - 1e-12).all()
    assert (max_softmax(logits_NC) <= 1).all()
    assert (entropy(logits_NC) >= 0).all()
    assert (entropy(logits_NC) <= math.log(4) + 1e-12).all()
    assert (top2_ratio(logits_NC) >= 1).all()
    assert (top2_ratio(logits_NC) <= LARGEST_RATIO).all()
    distance_N = l1_distance(logits_NC, logits_NC[::-1])
    assert (distance_N >= 0).all()
    assert (distance_N <= 2).all()


def test_logits_that_would_overflow_do_not() -> None:
    sure_NC = np.array([[3e4, 0.0, -3e4]], dtype=np.float32)
    assert max_softmax(sure_NC).tolist() == [1.0]
    assert entropy(sure_NC).tolist() == [0.0]
    assert top2_ratio(sure_NC).tolist() == [LARGEST_RATIO]
    assert l1_distance(sure_NC, -sure_NC).tolist() == [2.0]


def test_the_ratio_still_tells_apart_what_the_largest_softmax_cannot() -> None:
    logits_NC = np.array([[40.0, 0.0], [80.0, 0.0]])
    assert max_softmax(logits_NC).tolist() == [1.0, 1.0]
    assert top2_ratio(logits_NC)[0] < top2_ratio(logits_NC)[1] < LARGEST_RATIO
