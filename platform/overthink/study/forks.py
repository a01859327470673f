"""When is it decided what a network answers, and which samples it overthinks? Forks leave their trunks at some epoch.

Two trainings that share their first epochs and differ from there on disagree on what those epochs had not decided yet.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np

from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.seeds import Seeds, moving, sources_of
from overthink.statistics.crossed import LeftOut, crossed_jackknife, crossed_part, leave_out
from overthink.statistics.jackknife import Interval
from overthink.study.fork_design import fork_epoch_of, fork_name_of

FEWEST_TRUNKS = 2
"""Without which there are no independent trainings to compare with."""


class Outcome(NamedTuple):
    """What one finished run says of the test samples."""

    predicted_EN: IntArray
    correct_EN: BoolArray


class Undecided(NamedTuple):
    """Of pairs of trainings that share their epochs up to one: shares of test samples, over trunks and samples."""

    differ: Interval
    """Two of them differ."""
    decided: Interval | None
    """1 minus that over what independent trainings differ in; None where there are none, or none that differ."""


class AtEpoch(NamedTuple):
    """Of forks from one epoch on; of independent trainings, which share none, nothing is decided."""

    epoch: int
    answers_E: tuple[Undecided, ...]
    """Of each exit: churn."""
    any_later: Undecided
    final: Undecided
    """Whether a sample is overthought, in both definitions: it is in one training and is not in the other one."""
    any_later_rate: Interval
    final_rate: Interval


class ForkArm(NamedTuple):
    """Forks that differ in the sources of an arm; its trunks, with their forks at all epochs, are independent."""

    sources: tuple[str, ...]
    trunks: int
    epochs: tuple[AtEpoch, ...]
    independent: AtEpoch | None
    """Of its trunks, which differ in every source from epoch 0 on; None of a single one."""


def fork_arms(arms: Mapping[str, Sequence[Seeds]], outcomes: Mapping[Seeds, Outcome]) -> dict[str, ForkArm]:
    """Return what a study's forks show, by the name of their arm, from the outcomes of its finished runs.

    Trunks count at which all epochs of an arm have two finished runs. Nothing for a study without forks.
    """
    blocks: dict[str, dict[int, dict[Seeds, list[Seeds]]]] = {}
    for name, seeds in arms.items():
        if moving(sources_of(seeds)) and (of := fork_name_of(name, arms)) is not None:
            done = [one for one in seeds if one in outcomes]
            blocks.setdefault(of, {}).setdefault(fork_epoch_of(name), {})[seeds[0]] = done
    found = {}
    for name, by_epoch in blocks.items():
        trunks = [
            trunk
            for trunk in next(iter(by_epoch.values()))
            if all(trunk in done and len(done) > 1 for done in (of.get(trunk, []) for of in by_epoch.values()))
        ]
        if trunks:
            sources = sources_of(next(iter(next(iter(by_epoch.values())).values())))
            epochs = {
                epoch: [[outcomes[one] for one in of[trunk]] for trunk in trunks] for epoch, of in by_epoch.items()
            }
            found[name] = _arm(sources, epochs)
    return found


def _arm(sources: Sequence[str], epochs: Mapping[int, Sequence[Sequence[Outcome]]]) -> ForkArm:
    """`epochs`: epoch of the fork -> of each trunk, itself and its forks."""
    by_epoch = {epoch: [np.stack(list(map(_facts, repeats))) for repeats in of] for epoch, of in sorted(epochs.items())}
    trunk_TQN = np.stack([of[0] for of in next(iter(by_epoch.values()))])
    n_trunks, n_facts, _ = trunk_TQN.shape
    differ_by_epoch = [np.stack([_differ(of_QN) for of_QN in of]) for of in by_epoch.values()]
    rates_by_epoch = [np.stack([of_QN[:, -2:].mean(axis=0) for of_QN in of]) for of in by_epoch.values()]
    rates_by_epoch.append(trunk_TQN[:, -2:].astype(np.float64))

    def parts(trunks: Sequence[int]) -> FloatArray:
        chosen = list(trunks)
        independent_QN = _differ(trunk_TQN[chosen]) if len(chosen) > 1 else np.zeros(trunk_TQN.shape[1:])
        blocks = [of[chosen].mean(axis=0) for of in (*differ_by_epoch, *rates_by_epoch)]
        return np.concatenate([independent_QN, *blocks])

    left_out = leave_out(parts, n_trunks, fewest=FEWEST_TRUNKS)
    first_rate = n_facts * (1 + len(by_epoch))
    at = [
        _at(left_out, epoch, n_facts, n_facts * (1 + place), first_rate + 2 * place, n_trunks > 1)
        for place, epoch in enumerate(by_epoch)
    ]
    of_trunks = _at(left_out, 0, n_facts, 0, first_rate + 2 * len(by_epoch), False)
    return ForkArm(tuple(sources), n_trunks, tuple(at), of_trunks if n_trunks > 1 else None)


def _facts(outcome: Outcome) -> IntArray:
    """Return (E + 2, N): the answer of each exit, and whether a sample is overthought (any later, final)."""
    indicators = [overthought(outcome.correct_EN), finally_overthought(outcome.correct_EN)]
    return np.stack([*outcome.predicted_EN, *indicators]).astype(np.int64)


def _differ(facts_RQN: IntArray) -> FloatArray:
    """Return (Q, N): the share of pairs of trainings whose facts differ."""
    pairs = list(combinations(range(len(facts_RQN)), 2))
    return np.asarray(np.mean([facts_RQN[i] != facts_RQN[j] for i, j in pairs], axis=0))


def _at(left_out: LeftOut, epoch: int, n_facts: int, row: int, rate_row: int, compared: bool) -> AtEpoch:
    """`row`: of the first fact of this epoch; that of independent trainings is row 0."""

    def mean(at: int) -> Interval:
        return crossed_part(left_out, at).cut(1)

    def undecided(fact: int) -> Undecided:
        differ = mean(row + fact)
        return Undecided(differ, _decided(left_out, row + fact, fact, differ) if compared else None)

    *answers_E, any_later, final = map(undecided, range(n_facts))
    return AtEpoch(epoch, tuple(answers_E), any_later, final, mean(rate_row), mean(rate_row + 1))


def _decided(left_out: LeftOut, row: int, independent: int, differ: Interval) -> Interval | None:
    if (whole := float(left_out.mean_K[independent])) <= 0:
        return None
    if differ.value == 0 and differ.high is not None:
        return Interval(1.0, 1 - differ.high / whole, 1.0)
    return crossed_jackknife(left_out, partial(_one_minus_ratio, row, independent))


def _one_minus_ratio(row: int, of: int, mean_K: FloatArray) -> float:
    return float(1 - mean_K[row] / mean_K[of]) if mean_K[of] > 0 else float("nan")
