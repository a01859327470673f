"""How often 95% intervals hold the truth of simulated worlds."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.crossed import crossed_mean
from overthink.statistics.estimate import Over
from overthink.statistics.jackknife import Interval
from overthink.study.churn import Churn, churn
from overthink.study.coupling import final_coupling
from overthink.study.cross_fitted import cross_fitted
from overthink.study.decomposition import decomposition
from overthink.study.ensemble import ensembles
from overthink.study.independent import independent_samples_ratio
from overthink.study.recurrence import recurrence
from overthink.study.transferred_oracle import transferred_oracle
from support.truths import rates, truths
from support.worlds import EXITS, WORLDS, World, predictions_of

POPULATION = 20_000
"""Samples of a world; test samples are drawn of it with replacement."""
TRAINING_EFFECTS = (0.03, 0.06, 0.1)
ROUNDING = 1e-9
COST_E = 10 * np.arange(1, EXITS + 1)
OVER: tuple[Over, ...] = ("seeds", "samples", "both")
RATES: dict[str, Callable[[BoolArray], BoolArray]] = {
    "accuracy": lambda correct_EN: correct_EN[-1],
    "any later": overthought,
    "final": finally_overthought,
}


class Coverage(NamedTuple):
    """Of one kind of interval."""

    share: float
    """Of the intervals, how many hold the truth; NaN where there is none."""
    width: float
    """Mean."""
    share_below: float
    """Of the intervals, how many lie below the truth."""
    mean: float
    """Of the estimates."""
    truth: float
    intervals: int


def populations() -> dict[str, World]:
    """Return worlds by name: those of `worlds`, and one whose trainings differ as a whole."""
    found = {name: make(POPULATION, np.random.default_rng(0)) for name, make in WORLDS.items()}
    for effect in TRAINING_EFFECTS:
        found[f"correlated, training {effect}"] = found["correlated"]._replace(training=effect)
    return found


def draws(world: World, repeats: int, n: int, number: int, seed: int = 0) -> Iterator[FloatArray]:
    """Yield margins (R, E, N) of new trainings and new samples."""
    for child in np.random.SeedSequence([seed, repeats, n]).spawn(number):
        random = np.random.default_rng(child)
        yield world.samples(n, random).margins(repeats, random)


def coverage(found: Sequence[Interval | None], truth: float) -> Coverage:
    """Return how often intervals with ends hold the truth, and how wide they are."""
    ends = np.array([(one.low, one.high) for one in found if one and one.low is not None], dtype=np.float64)
    mean = mean_of(found)
    if not len(ends) or np.isnan(truth):
        return Coverage(float("nan"), float("nan"), float("nan"), mean, truth, len(ends))
    inside_D = (ends[:, 0] <= truth + ROUNDING) & (truth - ROUNDING <= ends[:, 1])
    width = float((ends[:, 1] - ends[:, 0]).mean())
    return Coverage(float(inside_D.mean()), width, float((ends[:, 1] < truth).mean()), mean, truth, len(ends))


def of_means(world: World, repeats: int, n: int, number: int, seed: int = 0) -> dict[tuple[str, Over], Coverage]:
    """Return the coverage of the intervals of mean accuracy and overthinking, over seeds, samples and both."""
    found: dict[tuple[str, Over], list[Interval | None]] = {(rate, over): [] for rate in RATES for over in OVER}
    for margin_REN in draws(world, repeats, n, number, seed):
        correct_REN = margin_REN > 0
        for rate, indicator in RATES.items():
            values_RN = _of_each(indicator, correct_REN).astype(np.float64)
            for over in OVER:
                found[rate, over].append(crossed_mean(values_RN, over))
    truth = rates(world)
    return {key: coverage(intervals, truth[key[0]]) for key, intervals in found.items()}


def of_statistics(
    world: World, repeats: int, n: int, number: int, names: Collection[str] = (), seed: int = 0
) -> dict[str, Coverage]:
    """Return the coverage of statistics of a study, all of them by default.

    The truth of what `truths` does not have is taken to be its mean over the draws.
    """
    chosen = {name: statistic for name, statistic in STATISTICS.items() if name in (names or STATISTICS)}
    found: dict[str, list[Interval | None]] = {name: [] for name in chosen}
    for margin_REN in draws(world, repeats, n, number, seed):
        for name, statistic in chosen.items():
            found[name].append(statistic(margin_REN))
    truth = truths(world, repeats, n)
    return {name: coverage(those, truth.get(name, mean_of(those))) for name, those in found.items()}


def mean_of(found: Sequence[Interval | None]) -> float:
    """Return the mean of those that there are; NaN where there are none."""
    return float(np.mean([one.value for one in found if one])) if any(found) else float("nan")


def _of_each(indicator: Callable[[BoolArray], BoolArray], correct_REN: BoolArray) -> BoolArray:
    return np.stack([indicator(one_EN) for one_EN in correct_REN])


def _final(margin_REN: FloatArray) -> BoolArray:
    return _of_each(finally_overthought, margin_REN > 0)


def _churn(margin_REN: FloatArray) -> Churn:
    """Return the churn of the last exit; two classes, of which 0 is right."""
    return churn((margin_REN <= 0).astype(np.int64), np.zeros(margin_REN.shape[2], dtype=np.int64))[-1]


def _lift(margin_REN: FloatArray) -> Interval | None:
    found = recurrence(_final(margin_REN))
    return found and found.lift


def _auc(margin_REN: FloatArray) -> Interval | None:
    found = recurrence(_final(margin_REN))
    return found and found.auc


STATISTICS: dict[str, Callable[[FloatArray], Interval | None]] = {
    "ICC of final": lambda margin_REN: decomposition(_final(margin_REN)).sample_share,
    "ICC of errors": lambda margin_REN: decomposition(margin_REN[:, -1] <= 0).sample_share,
    "lift": _lift,
    "AUC": _auc,
    "coupling": lambda margin_REN: final_coupling(margin_REN > 0).difference,
    "cross-fitted gain": lambda margin_REN: cross_fitted(margin_REN > 0).gain,
    "luck of the oracle": lambda margin_REN: transferred_oracle(margin_REN > 0, COST_E).luck,
    "churn": lambda margin_REN: _churn(margin_REN).disagreement,
    "churn / error": lambda margin_REN: _churn(margin_REN).normalised,
    "independent samples": lambda margin_REN: independent_samples_ratio(_of_each(overthought, margin_REN > 0)),
    "plateau": lambda margin_REN: ensembles(predictions_of(margin_REN)).any_later.plateau,
}
