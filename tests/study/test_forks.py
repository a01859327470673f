"""Forks whose truth is known: what is overthought is decided at one epoch, or never, or from the start."""

import numpy as np
import pytest

from overthink.seeds import Seeds
from overthink.statistics.jackknife import Interval
from overthink.study.fork_design import seeds_of_forks
from overthink.study.fork_sentences import conclusion, fork_sentences
from overthink.study.forks import ForkArm, Outcome, Undecided, fork_arms

N, EPOCHS = 600, (0, 2, 5)


def outcome(overthought_N: np.ndarray) -> Outcome:
    """Two exits, of which the first is right and the second wrong where a sample is overthought."""
    correct_EN = np.stack([np.ones(N, dtype=np.bool_), ~overthought_N])
    return Outcome(np.where(correct_EN, 0, 1), correct_EN)


def simulated(trunks: int, decided_by_epoch: dict[int, float], repeats: int = 2) -> ForkArm:
    """Each sample is overthought with probability 0.3, drawn anew from the fork on where it is not decided by then."""
    arms = seeds_of_forks({"order": ("order",)}, repeats, trunks, EPOCHS)
    random = np.random.default_rng(1)
    when_N = random.random(N)
    first = {Seeds.same(number): random.random(N) < 0.3 for number in range(trunks)}
    outcomes = {seeds: outcome(set_N) for seeds, set_N in first.items()}
    for name, seeds in arms.items():
        epoch = next((epoch for epoch in EPOCHS[1:] if name.startswith(f"order:{epoch}")), 0)
        for one in seeds[1:] if name != "all" else ():
            fixed_N = when_N < decided_by_epoch[epoch]
            outcomes[one] = outcome(np.where(fixed_N, first[seeds[0]], random.random(N) < 0.3))
    return fork_arms(arms, outcomes)["order"]


def holds(found: Interval | None, value: float) -> bool:
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.low <= value <= found.high


def test_a_set_that_is_decided_step_by_step() -> None:
    arm = simulated(6, {0: 0.0, 2: 0.4, 5: 0.9})
    assert (arm.sources, arm.trunks, [at.epoch for at in arm.epochs]) == (("order",), 6, [0, 2, 5])
    assert arm.independent is not None
    assert holds(arm.independent.any_later.differ, 2 * 0.3 * 0.7)
    assert arm.independent.any_later.decided is None
    for at, decided in zip(arm.epochs, (0.0, 0.4, 0.9), strict=True):
        assert holds(at.any_later.differ, (1 - decided) * 2 * 0.3 * 0.7)
        assert holds(at.any_later.decided, decided)
        assert holds(at.any_later_rate, 0.3)
        assert at.any_later == at.final  # with two exits they are one
        assert at.answers_E[1] == at.any_later  # and the answer of the last exit says it all
        assert at.answers_E[0].differ.value == 0
        assert at.answers_E[0].decided is None  # independent trainings do not differ in it
    assert conclusion(arm.epochs).startswith("Half of what independent trainings differ in is decided between epoch 2")


def test_what_no_fork_shows_may_differ_in_other_samples() -> None:
    """Of 600 samples none differs: with a rate of 0.61% none does in 2.5% of all test sets."""
    last = simulated(4, {0: 0.0, 2: 0.4, 5: 1.0}).epochs[-1].any_later
    most = 1 - 0.025 ** (1 / N)
    assert last.differ == pytest.approx((0, 0, most))
    assert last.decided == pytest.approx((1, 1 - most / 0.42, 1), abs=1e-3)


def test_pairs_by_brute_force() -> None:
    """Three runs a trunk, two trunks: shares of all pairs within a trunk, and between trunks."""
    arms = seeds_of_forks({"order": ("order",)}, 3, 2, (1,))
    random = np.random.default_rng(2)
    sets = {seeds: random.random(N) < 0.5 for arm in arms.values() for seeds in arm}
    arm = fork_arms(arms, {seeds: outcome(set_N) for seeds, set_N in sets.items()})["order"]
    within = [
        (sets[one] != sets[other]).mean()
        for name in ("order:1", "order:1@1")
        for place, one in enumerate(arms[name])
        for other in arms[name][:place]
    ]
    between = (sets[Seeds.same(0)] != sets[Seeds.same(1)]).mean()
    (at,) = arm.epochs
    assert at.any_later.differ.value == pytest.approx(np.mean(within))
    assert at.any_later.decided is not None
    assert at.any_later.decided.value == pytest.approx(1 - np.mean(within) / between)
    assert at.any_later.differ.low is None  # two trunks have no interval
    assert conclusion(arm.epochs) == "When is not determined: it takes three trunks or more."


def test_a_single_trunk_compares_with_nothing() -> None:
    arm = simulated(1, {0: 0.0, 2: 0.4, 5: 0.9})
    assert arm.independent is None
    assert all(at.any_later.decided is None for at in arm.epochs)
    (said,) = fork_sentences({"order": arm})
    assert said.endswith(
        "With a single trunk there are no independent trainings to compare with: when is not determined."
    )


def test_a_study_that_is_not_all_trained_counts_whole_trunks() -> None:
    arms = seeds_of_forks({"order": ("order",), "none": ("repeat",)}, 2, 3, (1, 2))
    outcomes = {seeds: outcome(np.zeros(N, dtype=np.bool_)) for arm in arms.values() for seeds in arm}
    del outcomes[Seeds.same(1).forked(2, {"order": 1001})]
    found = fork_arms(arms, outcomes)
    assert [*found] == ["order"]  # a control is no arm of forks
    assert found["order"].trunks == 2
    assert found["order"].epochs[0].any_later.decided is None


def test_an_ordinary_study_has_no_forks() -> None:
    arms = {"all": (Seeds.same(0), Seeds.same(1)), "init": (Seeds.same(0), Seeds(split=0, init=1, order=0, augment=0))}
    outcomes = {seeds: outcome(np.zeros(N, dtype=np.bool_)) for arm in arms.values() for seeds in arm}
    assert fork_arms(arms, outcomes) == {}


@pytest.mark.parametrize(
    "decided, sentence",
    [
        (
            ((0.0, -0.2, 0.2), (0.6, 0.55, 0.65)),
            "Half of what independent trainings differ in is decided between epoch 0",
        ),
        (
            ((0.6, 0.55, 0.65), (0.9, 0.8, 1.0)),
            "More than half of what independent trainings differ in is decided by epoch 0",
        ),
        (
            ((0.0, -0.2, 0.2), (0.3, 0.2, 0.4)),
            "Less than half of what independent trainings differ in is decided by epoch 2",
        ),
        (((0.5, 0.3, 0.7), (0.6, 0.4, 0.8)), "Some of what independent trainings differ in is decided by epoch 0"),
        (((0.0, -0.9, 0.9), (0.4, -0.1, 0.9)), "It is not shown that these epochs decide any of"),
    ],
)
def test_the_conclusion_is_no_stronger_than_the_intervals(
    decided: tuple[tuple[float, float, float], ...], sentence: str
) -> None:
    arm = simulated(3, {0: 0.0, 2: 0.4, 5: 0.9})
    epochs = [
        at._replace(any_later=Undecided(at.any_later.differ, Interval(*found)))
        for at, found in zip(arm.epochs, decided, strict=False)
    ]
    assert conclusion(epochs).startswith(sentence)
