"""Cascades of predictions: a literal, a brute-force reference, and members that do not fit."""

from dataclasses import replace

import numpy as np
import pytest

from overthink.inference.anytime import anytime_prediction
from overthink.predictions.cascade import Member, cascade, dominated_by, order_of_cost
from overthink.predictions.predictions import Predictions

SAMPLES, CLASSES = 60, 4


def network(
    seed: int, cost_E: tuple[int, ...], keep_logits: bool = True, ids: int = 0, classes: int = CLASSES
) -> Predictions:
    rng = np.random.default_rng(seed)
    labels_N = np.arange(SAMPLES) % CLASSES
    logits_ENC = rng.normal(size=(len(cost_E), SAMPLES, classes))
    logits_ENC[:, np.arange(SAMPLES), labels_N] += 1
    order_N = rng.permutation(SAMPLES)  # files of other networks have other orders
    return Predictions.from_logits(
        logits_ENC[:, order_N], labels_N[order_N], order_N + ids, np.zeros(SAMPLES, int), (), cost_E, "x", "test",
        keep_logits,
    )  # fmt: skip


def test_an_exit_answers_as_its_member_and_costs_all_members_up_to_it() -> None:
    one, two, three = network(1, (10,)), network(2, (7, 25)), network(3, (9, 30, 90))
    found = cascade([Member("one", one, 1), Member("two", two, 2), Member("three", three, 2)])
    assert (found.cost_E.tolist(), found.cost_unit) == ([10, 35, 65], "MUL-ADDs")  # type: ignore[union-attr]
    assert found.ids_N.tolist() == list(range(SAMPLES))
    for exit, (member, of_member) in enumerate([(one, 0), (two, 1), (three, 1)]):
        for row, sample in enumerate(found.ids_N):
            (place,) = np.flatnonzero(member.ids_N == sample)
            assert found.labels_N[row] == member.labels_N[place]  # type: ignore[index]
            assert (found.logits_ENC[exit, row] == member.logits_ENC[of_member, place]).all()  # type: ignore[index]
            for name in ("predicted_EN", "max_softmax_EN", "entropy_EN", "top2_ratio_EN"):
                assert getattr(found, name)[exit, row] == getattr(member, name)[of_member, place]
    again = Predictions.from_logits(
        found.logits_ENC, found.labels_N, found.ids_N, found.levels_N, (), [10, 35, 65], "x", "test", True  # type: ignore[arg-type]
    )  # fmt: skip
    np.testing.assert_array_equal(found.confusion_EN, again.confusion_EN)


def test_anytime_prediction_pays_for_every_member_that_was_run() -> None:
    one, two = network(1, (10,)), network(2, (25,))
    found = cascade([Member("one", one, 1), Member("two", two, 1)])
    under = anytime_prediction(found, np.array([10.0, 34.0, 35.0]), np.ones(3))
    assert under.exit_M.tolist() == [1, 1, 2]  # 34 would pay for the second network alone
    assert under.accuracy_M.tolist()[1:] == found.correct_EN.mean(axis=1).tolist()


def test_what_one_member_does_not_know_is_not_known() -> None:
    one, two = network(1, (10,)), network(2, (25,), keep_logits=False)
    found = cascade([Member("one", one, 1), Member("two", two, 1)])
    assert found.absent == ("confusion", "logits")
    blind = replace(two, labels_N=None, given_correct_EN=two.correct_EN, predicted_EN=None)
    found = cascade([Member("one", one, 1), Member("blind", blind, 1)])
    assert (found.labels_N is not None, found.predicted_EN) == (True, None)
    order_N = np.argsort(two.ids_N)
    assert (found.correct_EN[1] == two.correct_EN[0, order_N]).all()


def test_order_and_dominance_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        costs = rng.integers(1, 4, size=5).tolist()
        accuracies = (rng.integers(0, 4, size=5) / 4).tolist()
        order = order_of_cost(costs, accuracies)
        assert [costs[one] for one in order] == sorted(costs)
        kept = [
            one
            for one, rival in zip(order, dominated_by([accuracies[one] for one in order]), strict=True)
            if rival is None
        ]
        assert kept[0] == order[0]
        for one in order:  # in: more accurate than all that are cheaper, or as cheap and before it
            before = order[: order.index(one)]
            assert (one in kept) == all(accuracies[one] > accuracies[other] for other in before)


@pytest.mark.parametrize(
    "other,message",
    [
        (network(2, (25,), ids=1), "60 and 60, 59 in common"),
        (network(2, (25,), classes=5), "have 4 and 5 classes"),
        (replace(network(2, (25,)), labels_N=np.zeros(SAMPLES, int)), "different labels for the same test samples"),
        (replace(network(2, (25,)), level_names=("easy",)), "different levels"),
        (replace(network(2, (25,)), cost_E=None), "other: its costs are not known"),
        (replace(network(2, (25,)), cost_E=np.ones(1), cost_unit="relative"), "MUL-ADDs and relative"),
        (replace(network(2, (25,)), cost_E=np.ones(1), cost_unit="seconds"), "MUL-ADDs and seconds"),
    ],
)
def test_members_that_do_not_fit_are_named(other: Predictions, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cascade([Member("one", network(1, (10,)), 1), Member("other", other, 1)])
