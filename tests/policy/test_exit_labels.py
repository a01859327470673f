from dataclasses import replace
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest

from overthink.policy.exit_labels import (
    balance,
    best_balance,
    exit_scores,
    labels_by_first,
    labels_by_score,
)
from overthink.policy.label_spec import LabelSpec
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from support.noise import predictions

RIGHT_EN = np.array([[1, 1, 0, 0], [1, 0, 0, 1]], dtype=bool)
SURE_EN = np.array([[0.6, 0.9, 0.8, 0.9], [0.65, 0.9, 0.9, 0.5]])


def test_scores_by_hand() -> None:
    """2 and 10 million MUL-ADDs at lambda 5: 1 / 10 and 1 / 50."""
    scores = exit_scores(RIGHT_EN, SURE_EN, np.array([2_000_000, 10_000_000]), 5.0)
    np.testing.assert_allclose(scores, [[0.7, 1.0, 0, 0], [0.67, 0, 0, 0.52]])


def test_the_thesis_numbers_for_lambda_5() -> None:
    """The first exit's bonus is 0.029 and the last one's 0.0034 (6.86 and 58.48 M MUL-ADDs)."""
    scores = exit_scores(np.ones((2, 1), bool), np.zeros((2, 1)), np.array([6_860_000, 58_481_000]), 5.0)
    assert scores[:, 0] == pytest.approx([0.029, 0.0034], abs=2e-4)


@pytest.mark.parametrize("exits", [None, (1, 4), (2, 3, 4)])
@pytest.mark.parametrize("weight", [0.5, 5.0, 1e-6])
def test_labels_against_a_loop_over_samples(exits: tuple[int, ...] | None, weight: float) -> None:
    p = predictions(80, seed=4)
    found, first = labels_by_score([p], weight, exits), labels_by_first([p], exits)
    competing, left_out = exits or (1, 2, 3, 4), 0
    labels = dict(zip(found.rows_M.tolist(), found.label_M.tolist(), strict=True))
    firsts = dict(zip(first.rows_M.tolist(), first.label_M.tolist(), strict=True))
    for n in range(80):
        right = [e for e in competing if needed(p.predicted_EN, "classes")[e - 1, n] == needed(p.labels_N, "labels")[n]]
        left_out += not right
        assert (n in labels) == (n in firsts) == bool(right)
        if right:
            score = {
                e: 1 / (weight * needed(p.cost_E, "costs")[e - 1] * 1e-6)
                + needed(p.max_softmax_EN, "confidence")[e - 1, n]
                for e in right
            }
            assert competing[labels[n]] == max(right, key=lambda e: (score[e], -e))
            assert competing[firsts[n]] == right[0]
    assert found.n_left_out == first.n_left_out == left_out
    assert found.count_C.sum() == 80 - left_out


def test_the_cheaper_exit_wins_a_tie() -> None:
    """A lambda so large that cost does not count, and equal confidence."""
    p = predictions(seed=4)
    equal = replace(p, max_softmax_EN=np.full_like(p.max_softmax_EN, 0.5), cost_E=np.array([10, 11, 12, 13]))
    found = labels_by_score([equal], 1e30)
    np.testing.assert_array_equal(found.label_M, labels_by_first([equal]).label_M)


def test_a_larger_lambda_never_lowers_the_mean_label() -> None:
    p = predictions(500, seed=7)
    means = [labels_by_score([p], weight).label_M.mean() for weight in np.geomspace(1, 1e6, 30)]
    assert (np.diff(means) >= 0).all()
    assert means[0] < means[-1]


def test_balance_by_hand() -> None:
    assert balance(np.array([7, 7, 7])) == pytest.approx(1.0)
    assert balance(np.array([9, 0])) == 0.0
    assert balance(np.array([0, 0])) == 0.0
    assert balance(np.array([3, 1])) == pytest.approx(-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)))


def test_the_best_lambda_of_a_grid() -> None:
    p, grid = predictions(500, seed=7), np.geomspace(1, 1e6, 50)
    weight, reached = best_balance([p], grid, (1, 4))
    assert reached == max(balance(labels_by_score([p], w, (1, 4)).count_C) for w in grid)
    assert balance(labels_by_score([p], weight, (1, 4)).count_C) == reached


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan")])
def test_a_lambda_that_is_not_positive_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="lambda must be greater than 0"):
        labels_by_score([predictions()], weight)


@pytest.mark.parametrize("exits", [(1,), (0, 2), (1, 9), ()])
def test_exits_that_are_not_there_are_refused(exits: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="exits must be at least two of 1 to 4"):
        labels_by_score([predictions()], 5.0, exits)


def three_trainings(correct_REN: list[list[list[int]]], sure: list[float]) -> list[Predictions]:
    """Trainings of a network of two exits on the same samples, each with the same confidence everywhere."""
    p = predictions(len(correct_REN[0][0]), n_exits=2, seed=4)
    wrong_N = (needed(p.labels_N, "labels") + 1) % 5
    return [
        replace(
            p,
            predicted_EN=np.where(np.array(correct_EN) > 0, needed(p.labels_N, "labels"), wrong_N),
            max_softmax_EN=np.full_like(p.max_softmax_EN, confidence),
            cost_E=np.array([2_000_000, 10_000_000]),
        )
        for correct_EN, confidence in zip(correct_REN, sure, strict=True)
    ]


def test_labels_of_several_trainings_by_hand() -> None:
    """At lambda 5 exit 1 adds 0.1 and exit 2 adds 0.02 to a training's confidence, wherever the exit is right.

    Sample 0: exit 1 right in all, exit 2 in none. Sample 1: exit 1 right in one (0.9), exit 2 in the others (0.5, 0.6).
    Sample 2: exit 1 right in the surest alone (0.9 + 0.1), exit 2 in one (0.5 + 0.02). Sample 3: none in any.
    """
    trainings = three_trainings(
        [[[1, 1, 1, 0], [0, 0, 0, 0]], [[1, 0, 0, 0], [0, 1, 1, 0]], [[1, 0, 0, 0], [0, 1, 0, 0]]], [0.9, 0.5, 0.6]
    )
    found = labels_by_score(trainings, 5.0)
    assert (found.rows_M.tolist(), found.label_M.tolist(), found.n_left_out) == ([0, 1, 2], [0, 1, 0], 1)
    first = labels_by_first(trainings)
    assert (first.rows_M.tolist(), first.label_M.tolist(), first.n_left_out) == ([0, 1], [0, 1], 2)
    half = labels_by_first(trainings[:2])  # half of the trainings is no majority
    assert half.rows_M.tolist() == [0]


@pytest.mark.parametrize("rule", ["score", "first"])
def test_a_training_averaged_with_itself_labels_as_it_does_alone(rule: Literal["score", "first"]) -> None:
    p, spec = predictions(80, seed=4), LabelSpec(rule=rule)
    alone, thrice = spec.of(p), spec.of(p, p, p)
    assert (alone.label_M.tolist(), alone.rows_M.tolist()) == (thrice.label_M.tolist(), thrice.rows_M.tolist())
    assert alone.n_left_out == thrice.n_left_out


def test_the_smallest_of_equal_lambdas_whatever_their_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {1.0: np.array([2, 3, 1]), 2.0: np.array([1, 2, 3]), 3.0: np.array([6, 0, 0])}
    assert balance(counts[2.0]) > balance(counts[1.0])  # in the last digit

    def labels(_: object, weight: float, __: object) -> SimpleNamespace:
        return SimpleNamespace(count_C=counts[weight])

    monkeypatch.setattr("overthink.policy.exit_labels.labels_by_score", labels)
    assert best_balance([], np.array([1.0, 2.0, 3.0]))[0] == 1
