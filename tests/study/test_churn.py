from itertools import permutations

import numpy as np
import pytest

from overthink.predictions.arrays import IntArray
from overthink.study.churn import churn, same_answers
from support.repeats import answers, by_difficulty, independent


def test_by_hand() -> None:
    """Two models, labels 0: they differ on samples 2 (right to wrong), 3 (wrong to right) and 4 (both wrong)."""
    predicted_REN = np.array([[[0, 0, 1, 1, 1]], [[0, 1, 0, 2, 1]]])
    (found,) = churn(predicted_REN, np.zeros(5, dtype=np.int64))
    assert found.disagreement.value == pytest.approx(0.6)
    assert found.disagreement.low is None
    assert found.right_to_wrong.value == pytest.approx(0.2)
    assert found.wrong_to_wrong.value == pytest.approx(0.2)
    assert found.error == pytest.approx(0.6)
    assert found.normalised is not None
    assert found.normalised.value == pytest.approx(1.0)


def test_against_loops_over_pairs() -> None:
    predicted_REN, labels_N = answers(by_difficulty(5, 40))
    found = churn(predicted_REN, labels_N)
    for row in range(3):
        differ, lost, both = brute_force(predicted_REN[:, row], labels_N)
        assert found[row].disagreement.value == pytest.approx(differ)
        assert found[row].right_to_wrong.value == pytest.approx(lost)
        assert found[row].wrong_to_wrong.value == pytest.approx(both)
        assert differ == pytest.approx(2 * lost + both)


def brute_force(predicted_RN: IntArray, labels_N: IntArray) -> tuple[float, float, float]:
    differ, lost, both, count = 0, 0, 0, 0
    for a, b in permutations(range(len(predicted_RN)), 2):
        for one, other, label in zip(predicted_RN[a], predicted_RN[b], labels_N, strict=True):
            count += 1
            differ += one != other
            lost += one == label != other
            both += one != other and label not in (one, other)
    return differ / count, lost / count, both / count


def test_models_that_are_the_same_do_not_churn() -> None:
    one_EN, labels_N = answers(independent(1, 30, np.array([0.5, 0.7])))
    same_REN = np.repeat(one_EN, 4, axis=0)
    assert same_answers(same_REN)
    unseen = 1 - 0.025 ** (1 / 30)  # agreement on 30 samples leaves a few that might differ
    for found in churn(same_REN, labels_N):
        assert found.disagreement == pytest.approx((0.0, 0.0, unseen))
        assert found.normalised == pytest.approx((0.0, 0.0, unseen / found.error))
    assert not same_answers(answers(independent(2, 30, np.array([0.5])))[0])
    always_right = np.repeat(labels_N[None, None], 3, axis=0)
    assert churn(always_right, labels_N)[0].normalised is None


def test_one_model_has_nobody_to_differ_from() -> None:
    with pytest.raises(ValueError, match="there is 1"):
        churn(np.zeros((1, 2, 3), dtype=np.int64), np.zeros(3, dtype=np.int64))


def test_disagreement_lies_in_its_interval_as_often_as_promised() -> None:
    """Models of unequal quality, drawn anew: two of them differ by 2 E[p](1 - E[p]) for answers right or wrong."""
    random, inside, draws = np.random.default_rng(1), 0, 300
    for _ in range(draws):
        right_R = random.beta(20, 12, 8)
        predicted_REN = (random.random((8, 1, 400)) > right_R[:, None, None]).astype(np.int64)
        found = churn(predicted_REN, np.zeros(400, dtype=np.int64))[0].disagreement
        mean = 20 / 32
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 2 * mean * (1 - mean) <= found.high
    assert 0.91 <= inside / draws <= 0.99
