"""How often 95% intervals hold the truth of simulated worlds."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.crossed import crossed_mean
from overthink.statistics.estimate import Over
from overthink.statistics.jackknife import Interval
from overthink.study.churn import churn
from overthink.study.coupling import final_coupling
from overthink.study.cross_fitted import cross_fitted
from overthink.study.decomposition import decomposition
from overthink.study.ensemble import ensembles
from overthink.study.independent import independent_samples_ratio
from overthink.study.recurrence import recurrence
from overthink.study.transferred_oracle import transferred_oracle
from support.worlds import WORLDS, World, predictions_of

POPULATION = 20_000
"""Samples of a world; test samples are drawn of it with replacement."""
TRAINING_EFFECTS = (0.03, 0.06, 0.1)
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


def coverage(found: list[Interval | None], truth: float) -> Coverage:
    """Return how often intervals with ends hold the truth, and how wide they are."""
    ends = np.array([(one.low, one.high) for one in found if one and one.low is not None], dtype=np.float64)
    mean = float(np.mean([one.value for one in found if one])) if any(found) else float("nan")
    if not len(ends) or np.isnan(truth):
        return Coverage(float("nan"), float("nan"), float("nan"), mean, truth, len(ends))
    inside_D = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    width = float((ends[:, 1] - ends[:, 0]).mean())
    return Coverage(float(inside_D.mean()), width, float((ends[:, 1] < truth).mean()), mean, truth, len(ends))


def of_means(
    world: World, repeats: int, n: int, number: int, truth: dict[str, float], seed: int = 0
) -> dict[tuple[str, Over], Coverage]:
    """Return the coverage of the intervals of mean accuracy and overthinking, over seeds, samples and both."""
    found: dict[tuple[str, Over], list[Interval | None]] = {(rate, over): [] for rate in RATES for over in OVER}
    for margin_REN in draws(world, repeats, n, number, seed):
        correct_REN = margin_REN > 0
        for rate, indicator in RATES.items():
            values_RN = np.stack([indicator(one_EN) for one_EN in correct_REN]).astype(np.float64)
            for over in OVER:
                found[rate, over].append(crossed_mean(values_RN, over))
    return {key: coverage(intervals, truth[key[0]]) for key, intervals in found.items()}


def of_statistics(
    world: World, repeats: int, n: int, number: int, truth: dict[str, float], seed: int = 0
) -> dict[str, Coverage]:
    """Return the coverage of the statistics of a study; that of the cross-fitted gain is of its own mean."""
    found: dict[str, list[Interval | None]] = {}
    for margin_REN in draws(world, repeats, n, number, seed):
        for name, interval in _statistics(margin_REN).items():
            found.setdefault(name, []).append(interval)
    own = {name: float(np.mean([one.value for one in those if one])) for name, those in found.items() if any(those)}
    return {name: coverage(those, truth.get(name, own.get(name, np.nan))) for name, those in found.items()}


def _statistics(margin_REN: FloatArray) -> dict[str, Interval | None]:
    correct_REN = margin_REN > 0
    final_RN, any_RN = (
        np.stack([indicator(one_EN) for one_EN in correct_REN]) for indicator in (finally_overthought, overthought)
    )
    recurs = recurrence(final_RN)
    answers = churn((~correct_REN).astype(np.int64), np.zeros(correct_REN.shape[2], dtype=np.int64))[-1]
    return {
        "ICC share": decomposition(final_RN).sample_share,
        "ICC of errors": decomposition(~correct_REN[:, -1]).sample_share,
        "lift": recurs and recurs.lift,
        "auc": recurs and recurs.auc,
        "coupling": final_coupling(correct_REN).difference,
        "cross-fitted": cross_fitted(correct_REN).gain,
        "luck": transferred_oracle(correct_REN, np.array([10, 20, 30])).luck,
        "churn": answers.disagreement,
        "churn / error": answers.normalised,
        "independent": independent_samples_ratio(any_RN),
        "plateau": ensembles(predictions_of(margin_REN)).any_later.plateau,
    }
