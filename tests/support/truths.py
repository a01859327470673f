"""What is true of a simulated world, computed: for infinitely many trainings and its samples."""

from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr
from scipy.stats import binom

from overthink.predictions.arrays import FloatArray
from support.worlds import World

NODES, WEIGHTS = hermegauss(15)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
LEAST = 1e-9
"""Stands for an own deviation of 0."""


class Chances(NamedTuple):
    """Of each sample, over trainings."""

    right_EN: FloatArray
    any_later_N: FloatArray
    final_N: FloatArray
    earlier_N: FloatArray
    """That an exit before the last is right."""
    first_EN: FloatArray
    """That an exit is the first right one; the sum over exits is the chance that any is right."""


def chances(world: World) -> Chances:
    """Return the chances: given what all exits of a training have in common, its exits are independent."""
    common = float(np.hypot(world.shared, world.training))
    found = [given_common(world.expected_EN + common * node, max(world.own, LEAST)) for node in NODES]
    averaged = [np.tensordot(WEIGHTS, np.stack(parts), axes=1) for parts in zip(*found, strict=True)]
    right_EN = ndtr(world.expected_EN / max(np.hypot(common, world.own), LEAST))
    return Chances(right_EN, *averaged[1:])


def given_common(margin_EN: FloatArray, own: float) -> Chances:
    """Return the chances given the margins but for what belongs to an exit alone."""
    right_EN = ndtr(margin_EN / own)
    wrong_EN = 1 - right_EN
    none_before_EN = np.vstack([np.ones_like(wrong_EN[:1]), np.cumprod(wrong_EN, axis=0)])
    all_from_EN = np.vstack([np.cumprod(right_EN[::-1], axis=0)[::-1], np.ones_like(right_EN[:1])])
    earlier_N = 1 - none_before_EN[-2]
    return Chances(
        right_EN,
        1 - (none_before_EN * all_from_EN).sum(axis=0),
        earlier_N * wrong_EN[-1],
        earlier_N,
        none_before_EN[:-1] * right_EN,
    )


def rates(world: World) -> dict[str, float]:
    """Return accuracy of the last exit and overthinking."""
    c = chances(world)
    of_sample = {"accuracy": c.right_EN[-1], "any later": c.any_later_N, "final": c.final_N}
    return {name: float(chance_N.mean()) for name, chance_N in of_sample.items()}


def truths(world: World, repeats: int, n: int) -> dict[str, float]:
    """Return what each statistic of so many trainings and samples estimates."""
    c = chances(world)
    p_N, last_N = c.final_N, c.right_EN[-1]
    none_N = 1 - c.first_EN.sum(axis=0)
    moved = (c.first_EN * c.right_EN).sum(axis=0) + none_N * last_N
    return {
        "ICC of final": _share(p_N),
        "ICC of errors": _share(1 - last_N),
        "lift": _ratio(float((p_N**2).mean()), float(p_N.mean()) ** 2),
        "AUC": _auc(p_N, repeats),
        "coupling": float((p_N - c.earlier_N * (1 - last_N)).mean()),
        "luck of the oracle": float((1 - none_N - moved).mean()),
        "churn": float((2 * last_N * (1 - last_N)).mean()),
        "churn / error": _ratio(float((2 * last_N * (1 - last_N)).mean()), float((1 - last_N).mean())),
        "plateau": world.systematic_any_later,
        "independent samples": _independent(world, n),
    }


def _share(p_N: FloatArray) -> float:
    within = float((p_N * (1 - p_N)).mean())
    return _ratio(float(p_N.var()), float(p_N.var()) + within)


def _ratio(of: float, over: float) -> float:
    return of / over if over > 0 else float("nan")


def _auc(p_N: FloatArray, repeats: int) -> float:
    """Return the area for scores of repeats - 1 other trainings."""
    chance_SN = binom.pmf(np.arange(repeats)[:, None], repeats - 1, np.clip(p_N, 0, 1))
    does_S, does_not_S = (chance_SN * p_N).mean(axis=1), (chance_SN * (1 - p_N)).mean(axis=1)
    below_S = np.cumsum(does_not_S) - does_not_S
    return _ratio(float(does_S @ (below_S + does_not_S / 2)), float(does_S.sum() * does_not_S.sum()))


def _independent(world: World, n: int) -> float:
    """Return (variance of the any-later rate over trainings) / (that of independent samples), both for n samples."""
    rate, within = [], []
    for node in NODES:
        shifted = World(world.expected_EN + world.training * node, world.shared, world.own)
        p_N = chances(shifted).any_later_N
        rate.append(p_N.mean())
        within.append((p_N * (1 - p_N)).mean())
        if not world.training:
            return 1.0 if within[0] > 0 else float("nan")
    p_N = chances(world).any_later_N
    of_training = WEIGHTS @ np.square(rate) - (WEIGHTS @ np.array(rate)) ** 2
    return float((of_training + WEIGHTS @ np.array(within) / n) / ((p_N * (1 - p_N)).mean() / n))
