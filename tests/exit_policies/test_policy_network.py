"""A policy network's row: where its samples leave, what it costs, and what is taken where it does not fit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from overthink.exit_policies.policy_network import Answers, _best, policy_network
from overthink.exit_policies.references import best_draw
from overthink.exit_policies.trial import Pair
from overthink.predictions.predictions import Predictions

COST_E = [100, 200, 400]
OWN = 30


def main(right_EN: Sequence[Sequence[int]], split: str) -> Predictions:
    """Return a main network whose exits are right on class 0 where they are said to be."""
    wrong_EN = 1 - np.array(right_EN)
    return Predictions.from_logits(
        logits_ENC=np.stack([1 - wrong_EN, wrong_EN], axis=2),
        labels_N=np.zeros(wrong_EN.shape[1], dtype=np.int64),
        ids_N=np.arange(wrong_EN.shape[1]),
        levels_N=np.zeros(wrong_EN.shape[1], dtype=np.int64),
        level_names=(),
        cost_E=COST_E,
        fingerprint="main",
        split=split,
        keep_logits=False,
    )


def chose(classes: Sequence[int], ids: Sequence[int], split: str) -> Predictions:
    """Return a policy network that answers these classes."""
    return Predictions.from_logits(
        logits_ENC=np.eye(2)[np.array(classes)][None],
        labels_N=np.zeros(len(classes), dtype=np.int64),
        ids_N=np.array(ids),
        levels_N=np.zeros(len(classes), dtype=np.int64),
        level_names=(),
        cost_E=[OWN],
        fingerprint="policy",
        split=split,
        keep_logits=False,
    )


RIGHT_EN = [[1, 0, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]
PAIR = Pair(main(RIGHT_EN, "val"), main(RIGHT_EN, "test"))
ANSWERS = Answers(chose([0, 1], [0, 1], "val"), chose([1, 0, 1, 0], [1, 2, 3, 0], "everything"), (1, 3))
"""Exits 1 and 3 compete. Of the validation samples it was right on 0 (exit 1) and 1 (exit 3), in 280 in the mean."""


def test_by_hand() -> None:
    (trial,) = policy_network("by hand", [ANSWERS]).trials([PAIR], np.array([100.0, 279.0, 280.0, 400.0]))
    # test samples 0 and 2 leave at exit 1, 1 and 3 at exit 3; of the fixed exits, exit 1 is right on 0 and 3
    network, first = [1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]
    assert trial.right_BN.tolist() == [first, first, network, network]
    costs = [(100 + OWN) / 400, (400 + OWN) / 400]
    assert trial.cost_BN[2].tolist() == [costs[0], costs[1], costs[0], costs[1]]
    assert trial.cost_BN[0].tolist() == [0.25] * 4
    assert trial.overthought_BN.sum() == 0
    assert trial.no_loss is not None
    assert trial.no_loss.right_N.tolist() == [True, False, False, True]  # exit 1 is as right as exit 3 on 0 and 1


def test_one_that_learned_from_training_samples_has_nothing_to_choose_on() -> None:
    elsewhere = ANSWERS._replace(validation=replace(ANSWERS.validation, ids_N=np.array([70, 71])))
    with pytest.raises(ValueError, match="nothing can be chosen on validation data"):
        policy_network("by hand", [elsewhere]).trials([PAIR], np.array([400.0]))


def test_a_budget_that_is_an_exit_s_cost_to_the_digit_is_kept() -> None:
    """29% of 100 is 28.999999999999996: both rows left at exit 1, or nowhere."""
    budget = 0.29 * 100
    assert best_draw(np.array([0.4, 0.9]), np.array([29.0, 100.0]), budget).tolist() == [1, 0]
    assert _best(np.array([0.5, 0.8, 0.9]), np.array([10.0, 29.0, 100.0]), budget) == 1
