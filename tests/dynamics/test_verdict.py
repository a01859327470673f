"""What is said follows from the numbers: of courses whose truth is known."""

import numpy as np

from overthink.dynamics.findings import dynamics
from overthink.dynamics.verdict import verdict
from support.courses import course, realistic


def test_what_is_said_of_a_sample_that_the_last_exit_forgets_with_the_drop() -> None:
    correct_TEN = np.ones((4, 2, 10), dtype=bool)
    correct_TEN[0, 1, 0] = False
    correct_TEN[2:, 1, 5:] = False
    born, lost = verdict(dynamics([course(correct_TEN, drops=(2,))]))
    assert "100% are so for good only since the last stage of the training, 2 of 4 recorded moments" in born
    assert "had never been right about 0%; it had been right and lost 100% that it knew no later than" in lost


def test_the_null_is_named_where_there_is_one() -> None:
    several, one = (verdict(dynamics([realistic(8, 3, 200, seed) for seed in range(count)])) for count in (3, 1))
    assert "two exits of different trainings by" in several[-1]
    assert "different trainings" not in one[-1]
    assert "of those overthought after epoch 4 and" in several[0]
    assert "of those overthought after epoch 6, are so at the end" in several[0]


def test_a_network_that_overthinks_nothing() -> None:
    assert verdict(dynamics([course(np.ones((3, 2, 10), dtype=bool))])) == [
        "No sample was seen overthought at the end."
    ]
