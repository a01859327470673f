"""Scores, tests, baselines and routing of policy networks: by hand, and against loops."""

from itertools import product
from math import comb

import numpy as np
import pytest

from overthink.policy.baselines import best_constant, by_confidence, by_level, prior_matched
from overthink.policy.catalogue import ANSWERS, EVIDENCE, compute_evidence, describe
from overthink.policy.evidence import Answers, Evidence
from overthink.policy.label_spec import LabelSpec
from overthink.policy.routing import routed
from overthink.policy.scores import balanced_accuracy, confusion, macro_auc, recall
from overthink.policy.significance import accuracy_interval, better_than_chance, better_than_constant
from overthink.policy.verdict import sentence, verdict
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from support.noise import predictions

LABEL_N = np.array([0, 0, 0, 0, 1, 1])
ANSWER_N = np.array([0, 0, 1, 1, 1, 0])


def test_scores_by_hand() -> None:
    assert recall(LABEL_N, ANSWER_N, 3).tolist()[:2] == [0.5, 0.5]
    assert np.isnan(recall(LABEL_N, ANSWER_N, 3)[2])
    assert balanced_accuracy(LABEL_N, np.zeros(6, dtype=int), 2) == 0.5
    assert confusion(LABEL_N, ANSWER_N, 2).tolist() == [[2, 2], [1, 1]]
    assert best_constant(LABEL_N) == 4 / 6
    assert prior_matched(LABEL_N, np.array([0, 1, 1, 1]), 2) == pytest.approx(4 / 6 / 4 + 2 / 6 * 3 / 4)


@pytest.mark.parametrize("seed", range(5))
def test_auc_against_all_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    label_N = random.integers(0, 3, 40)
    probability_NC = random.integers(0, 6, (40, 3)) / 5  # ties included
    areas = []
    for c in range(3):
        pairs = product(probability_NC[label_N == c, c], probability_NC[label_N != c, c])
        areas.append(np.mean([1.0 if mine > other else 0.5 if mine == other else 0.0 for mine, other in pairs]))
    assert macro_auc(label_N, probability_NC) == pytest.approx(np.mean(areas))
    assert macro_auc(np.zeros(4, dtype=int), np.ones((4, 2)) / 2) is None


def test_mcnemar_by_hand() -> None:
    """The constant, 0, is right on the first four. The answers beat it on two, it beats them on one."""
    label_N, answer_N = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 1])
    assert better_than_constant(label_N, answer_N) == pytest.approx((comb(3, 2) + comb(3, 3)) / 2**3)
    assert better_than_constant(label_N, np.zeros(6, dtype=int)) == 1


def test_chance_is_told_from_more_than_chance() -> None:
    random = np.random.default_rng(0)
    label_N = random.integers(0, 2, 300)
    assert better_than_chance(label_N, np.where(random.random(300) < 0.7, label_N, 1 - label_N), 2) < 0.001
    ps = [better_than_chance(label_N, random.integers(0, 2, 300), 2) for _ in range(20)]
    assert 0.25 < np.mean(ps) < 0.75
    assert better_than_chance(label_N, np.zeros(300, dtype=int), 2) == 1


def test_interval_is_wilsons() -> None:
    z, p, n = 1.959964, 30 / 50, 50
    middle, half = (p + z * z / (2 * n)), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    assert accuracy_interval(30, 50) == pytest.approx(((middle - half) / scale, (middle + half) / scale), rel=1e-5)


def of_policy(label_N: np.ndarray, answer_N: np.ndarray, ids_N: np.ndarray, levels: int = 0) -> Predictions:
    return Predictions.from_logits(
        np.eye(2)[answer_N][None] * 3,
        labels_N=label_N,
        ids_N=ids_N,
        levels_N=ids_N % max(levels, 1),
        level_names=tuple(f"level {number}" for number in range(levels)),
        cost_E=np.array([1000]),
        fingerprint="policy",
        split="test",
        keep_logits=True,
    )


def evidence(answer_N: np.ndarray, labels: LabelSpec, levels: int = 0) -> Evidence:
    """A policy network that gives fixed answers to all test samples of a main network of four exits."""
    of_val, of_test = predictions(80, seed=1, split="val"), predictions(60, seed=2)
    known, asked = labels.of(of_val), labels.of(of_test)
    validates = known.rows_M[::4]
    return Evidence(
        labels,
        of_policy(known.label_M[::4], known.label_M[::4], of_val.ids_N[validates], levels),
        of_policy(asked.label_M, answer_N[asked.rows_M], of_test.ids_N[asked.rows_M], levels),
        of_val,
        of_test,
        of_policy(np.zeros(60, dtype=int), answer_N, of_test.ids_N),
    )


SPEC = LabelSpec(exits=(1, 4))


def test_routing_against_a_loop() -> None:
    answer_N = np.random.default_rng(3).integers(0, 2, 60)
    e = evidence(answer_N, SPEC)
    right = cost = 0
    for n, answer in enumerate(answer_N):
        exit_row = (0, 3)[answer]
        right += bool(e.network_test.correct_EN[exit_row, n])
        cost += int(needed(e.network_test.cost_E, "costs")[exit_row])
    found = routed(e)
    assert found.without_policy == pytest.approx((right / 60, cost / 60))
    assert found.with_policy == pytest.approx((right / 60, cost / 60 + 1000))


def test_all_numbers_of_a_policy_that_knows_the_labels() -> None:
    of_test = predictions(60, seed=2)
    asked = SPEC.of(of_test)
    answer_N = np.zeros(60, dtype=int)
    answer_N[asked.rows_M] = asked.label_M
    found = compute_evidence(evidence(answer_N, SPEC))
    assert (found["policy/accuracy"], found["policy/balanced_accuracy"], found["policy/auc"]) == (1, 1, 1)
    assert found["policy/left_out"] == pytest.approx(asked.n_left_out / 60)
    shares = np.bincount(asked.label_M) / len(asked.label_M)
    assert found["policy/label_share/exit_4"] == pytest.approx(shares[1])
    assert found["policy/best_constant"] == pytest.approx(shares.max())
    assert 0 <= found["policy/confidence/balanced_accuracy"] <= 1
    assert verdict(found) == "learned"
    assert "It learned something. Right 100.00%" in sentence(found, 2)
    for name in found:
        assert describe(name).name == name


def test_every_metric_computes_its_own_number_and_no_other() -> None:
    e = evidence(np.arange(60) % 2, SPEC, levels=2)
    for metric, subject in (*((metric, e.answers) for metric in ANSWERS), *((metric, e) for metric in EVIDENCE)):
        names = list(metric.values(subject))
        assert names or metric.name.startswith("policy/level/")  # the main network's samples have no levels here
        assert all(metric.described(name) for name in names)


def test_simple_answers_learn_where_the_policy_learns_and_look_at_nothing_else() -> None:
    e = evidence(np.zeros(60, dtype=int), SPEC)
    used = set(e.network_validation.ids_N[e.training_rows_M].tolist())
    assert not used & set(e.validation.ids_N.tolist())
    assert used | set(e.validation.ids_N.tolist()) == set(SPEC.of(e.network_validation).rows_M.tolist())
    assert len(by_confidence(e)) == len(e.answers.label_N)
    assert by_level(e) is None


@pytest.mark.parametrize(
    "constant, chance, words",
    [
        (0.01, 0.01, "learned"),
        (0.2, 0.01, "informative"),
        (0.2, 0.2, "nothing shown"),
        (0.01, 0.2, "learned"),
    ],
)
def test_verdicts(constant: float, chance: float, words: str) -> None:
    assert verdict({"policy/p/constant": constant, "policy/p/chance": chance}) == words


def test_answers_by_level() -> None:
    levels_N = np.array([0, 1, 0, 1, 0, 1])
    answers = Answers((1, 5), LABEL_N, ANSWER_N, np.full((6, 2), 0.5), levels_N, ("easy", "hard"))
    assert answers.right_N.tolist() == [1, 1, 0, 0, 1, 0]
