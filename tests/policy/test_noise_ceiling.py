"""The noise ceiling: by hand, against loops, and in worlds whose truth is known."""

from itertools import permutations

import numpy as np
import pytest

from overthink.policy.catalogue import describe
from overthink.policy.ceiling_metrics import CEILING, compute_ceiling
from overthink.policy.exit_labels import ExitLabels
from overthink.policy.noise_ceiling import NO_LABEL, Agreement, NoiseCeiling, noise_ceiling
from overthink.policy.scores import balanced_accuracy, cohens_kappa
from overthink.policy.verdict import ceiling_sentence
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.statistics.jackknife import Interval, jackknife

C = 3


def as_labels(label_N: IntArray) -> ExitLabels:
    rows_M = np.flatnonzero(label_N > NO_LABEL)
    return ExitLabels(tuple(range(1, C + 1)), label_N[rows_M], rows_M, int((label_N == NO_LABEL).sum()))


def ceiling_of(label_RN: IntArray) -> NoiseCeiling:
    return noise_ceiling([as_labels(label_N) for label_N in label_RN], label_RN.shape[1])


def drawn(chance_NC: FloatArray, trainings: int, seed: int = 0) -> IntArray:
    """Labels of trainings, each drawn from its sample's own distribution."""
    above_RNC = chance_NC.cumsum(axis=1) < np.random.default_rng(seed).random((trainings, len(chance_NC), 1))
    label_RN: IntArray = above_RNC.sum(axis=2).clip(max=C - 1)
    return label_RN


def test_three_trainings_by_hand() -> None:
    """Of 4 samples one is labelled by two trainings alone; the constant answer is label 0."""
    found = ceiling_of(np.array([[0, 0, 1, 0], [0, 1, 1, 1], [0, 0, 1, NO_LABEL]]))
    assert found.another is not None
    assert found.majority is not None
    assert found.excess is not None
    # Pairs: 2 of 4, 3 of 3, 2 of 3, each in both directions.
    assert found.another.accuracy.value == pytest.approx((2 / 4 + 3 / 3 + 2 / 3) / 3)
    assert found.another.labelled == pytest.approx((4 / 4 + 3 / 4 + 3 / 4) / 3)
    # Of the first: ties (1, 0) and a lone vote 1; label 1 is given 4 of 7 times there. Of the second: votes 0, 0, 1, 0.
    # Of the third: a tie (0, 1); label 1 is given 4 of 8 times, as often as 0, so the cheaper exit counts.
    assert found.majority.accuracy.value == pytest.approx((2 / 4 + 2 / 4 + 3 / 3) / 3)
    assert found.majority.constant == pytest.approx((3 / 4 + 3 / 4 + 2 / 3) / 3)
    assert found.excess.value == pytest.approx(found.majority.accuracy.value - found.majority.constant)


def test_against_loops_over_samples() -> None:
    random = np.random.default_rng(3)
    label_RN = random.integers(NO_LABEL, C, (4, 30))
    found = ceiling_of(label_RN)
    of_pairs: list[float] = []
    for one_N, other_N in permutations(label_RN, 2):
        both = [(a, b) for a, b in zip(one_N, other_N, strict=True) if NO_LABEL not in (a, b)]
        of_pairs.append(float(np.mean([a == b for a, b in both])))
    of_majority: list[float] = []
    for left_out in range(4):
        others_RN = np.delete(label_RN, left_out, axis=0)
        often = [int((others_RN == c).sum()) for c in range(C)]
        right = []
        for n in range(30):
            votes = [int((others_RN[:, n] == c).sum()) for c in range(C)]
            if label_RN[left_out, n] > NO_LABEL and sum(votes):
                right.append(max(range(C), key=lambda c: (votes[c], often[c], -c)) == label_RN[left_out, n])
        of_majority.append(float(np.mean(right)))
    assert found.another is not None
    assert found.another.accuracy.value == pytest.approx(np.mean(of_pairs))
    assert found.majority is not None
    assert found.majority.accuracy.value == pytest.approx(np.mean(of_majority))


def test_intervals_leave_out_trainings_and_never_pairs() -> None:
    label_RN = drawn(np.random.default_rng(1).dirichlet(np.ones(C), 50), 4)
    found = ceiling_of(label_RN)
    without = [ceiling_of(np.delete(label_RN, left_out, axis=0)) for left_out in range(4)]
    assert found.excess is not None
    assert found.excess == pytest.approx(
        jackknife(found.excess.value, [one.excess.value for one in without if one.excess])
    )


@pytest.mark.parametrize("trainings", [3, 8])
def test_the_truth_of_labels_that_are_drawn(trainings: int) -> None:
    """Agreement is mean sum p^2; the best predictor reaches mean max p, between the lower and the upper estimate."""
    chance_NC = np.random.default_rng(0).dirichlet([1.0, 0.3, 0.3], 1500)
    agreement, reachable = (chance_NC**2).sum(axis=1).mean(), chance_NC.max(axis=1).mean()
    found = [ceiling_of(drawn(chance_NC, trainings, seed)) for seed in range(40)]
    another = [one.another.accuracy for one in found if one.another]
    assert np.mean([one.value for one in another]) == pytest.approx(agreement, abs=0.003)
    assert np.mean([one.low < agreement < one.high for one in another if one.low and one.high]) >= 0.9
    lower = np.mean([one.majority.accuracy.value for one in found if one.majority])
    upper = np.mean([one.upper.value for one in found if one.upper])
    assert agreement < lower < reachable < upper
    constants = [one.majority.constant for one in found if one.majority]
    assert np.mean(constants) == pytest.approx(chance_NC.mean(axis=0).max(), abs=0.01)


@pytest.mark.parametrize("trainings", [3, 8])
def test_where_samples_are_alike_no_ceiling_is_above_the_constant(trainings: int) -> None:
    """Labels that do not depend on the sample: nothing is better than the constant, and kappa is 0."""
    chance_NC = np.tile([0.5, 0.3, 0.2], (800, 1))
    found = [ceiling_of(drawn(chance_NC, trainings, seed)) for seed in range(60)]
    above = [one.excess.low is not None and one.excess.low > 0 for one in found if one.excess]
    assert len(above) == 60
    assert np.mean(above) <= 0.05
    assert np.mean([one.kappa.value for one in found if one.kappa]) == pytest.approx(0, abs=0.01)


def test_where_trainings_agree_the_ceiling_is_above_the_constant() -> None:
    likely_N = np.random.default_rng(0).integers(0, C, 800)
    found = ceiling_of(drawn(0.7 * np.eye(C)[likely_N] + 0.1, 4))
    assert found.excess is not None
    assert found.excess.low is not None
    assert found.excess.low > 0.2


def test_what_few_trainings_cannot_say() -> None:
    one_N, other_N = np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])
    assert ceiling_of(one_N[None]) == NoiseCeiling(1)
    two = ceiling_of(np.stack([one_N, other_N]))
    assert two.excess == Interval(0.75 - 0.5, None, None)
    assert isinstance(two.another, Agreement)
    apart = np.array([[0, NO_LABEL, 1, NO_LABEL], [NO_LABEL, 0, NO_LABEL, 1]])
    assert ceiling_of(apart) == NoiseCeiling(2)
    assert noise_ceiling([], 0) == NoiseCeiling(0)


def test_metrics_name_what_is_known_and_nothing_else() -> None:
    label_RN = drawn(np.random.default_rng(1).dirichlet(np.ones(C), 50), 4)
    full = compute_ceiling(ceiling_of(label_RN))
    assert len(full) == len(CEILING) - 1  # `averaged` belongs to averaged labels
    assert all(describe(name).name == name for name in full)
    assert not any(name.endswith(("/low", "/high")) for name in compute_ceiling(ceiling_of(label_RN[:2])))
    assert compute_ceiling(ceiling_of(label_RN[:1])) == {"policy/ceiling/trainings": 1}


def test_kappa_and_balanced_accuracy_of_labels() -> None:
    one_N, other_N = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 2])
    by_chance = (3 * 2 + 2 * 3 + 1 * 1) / 36
    assert cohens_kappa(one_N, other_N, C) == pytest.approx((5 / 6 - by_chance) / (1 - by_chance))
    assert cohens_kappa(one_N, one_N, C) == pytest.approx(1)
    assert np.isnan(cohens_kappa(np.zeros(3, dtype=int), np.zeros(3, dtype=int), C))
    assert balanced_accuracy(one_N, other_N, C) == pytest.approx((2 / 3 + 1 + 1) / 3)


def test_trainings_that_give_one_label_have_no_kappa() -> None:
    """Where all labels are one, kappa is 0 / 0; the sentence leaves it out."""
    found = ceiling_of(np.zeros((3, 10), dtype=np.int64))
    metrics = compute_ceiling(found)
    assert "policy/ceiling/another/kappa" not in metrics
    assert "kappa" not in ceiling_sentence(metrics, [])
