"""CMA-ES with its state recomputed from the trials: Optuna's own sampler stores a pickle, and we never unpickle.

Generations are consecutive trials, by number, after the random ones. A trial that failed or was pruned counts as the
worst of its generation.
"""

from typing import Any

import numpy as np
from cmaes import CMA
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

Numeric = FloatDistribution | IntDistribution


class ReplayedCmaEs(BaseSampler):
    """Covariance matrix adaptation (Hansen 2001) on numbers; choices and the first trials are random."""

    def __init__(self, seed: int, seed_of_trial: int, startup_trials: int) -> None:
        self._seed = seed
        self._startup_trials = startup_trials
        self._random = RandomSampler(seed=seed_of_trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the numeric parameters that all trials so far have."""
        common = IntersectionSearchSpace().calculate(study)
        return {name: one for name, one in common.items() if isinstance(one, Numeric) and not one.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the next point of the present generation; nothing for a random trial."""
        number = trial.number - self._startup_trials
        space = {name: one for name, one in search_space.items() if isinstance(one, Numeric)}
        if number < 0 or not space:
            return {}
        size = 4 + int(3 * np.log(len(space)))  # Hansen's population size
        # With one seed for all generations, all of them would try the same directions.
        seed = int(np.random.SeedSequence([self._seed, number // size]).generate_state(1)[0])
        bounds, centre = np.tile([0.0, 1.0], (len(space), 1)), np.full(len(space), 0.5)
        optimizer = CMA(mean=centre, sigma=1 / 6, bounds=bounds, seed=seed, population_size=size)
        later = sorted(study.get_trials(deepcopy=False), key=lambda one: one.number)[self._startup_trials :]
        for first in range(0, number - size + 1, size):
            generation = later[first : first + size]
            if all(one.state.is_finished() and space.keys() <= one.params.keys() for one in generation):
                optimizer.tell(_solutions(study, generation, space))
        points = [optimizer.ask() for _ in range(number % size + 1)]
        return {name: _from_unit(one, float(x)) for (name, one), x in zip(space.items(), points[-1], strict=True)}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a random value."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def _solutions(
    study: Study, generation: list[FrozenTrial], space: dict[str, Numeric]
) -> list[tuple[NDArray[np.float64], float]]:
    sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
    values = [sign * one.values[0] if one.state == TrialState.COMPLETE else np.inf for one in generation]
    worst = max((value for value in values if np.isfinite(value)), default=0.0)
    return [
        (np.array([_to_unit(dist, one.params[name]) for name, dist in space.items()]), min(value, worst))
        for one, value in zip(generation, values, strict=True)
    ]


def _ends(dist: Numeric) -> tuple[float, float]:
    """Return a range's ends on its linear or log scale, widened by half a step on either side."""
    half = 0.5 * (dist.step or 0) if not dist.log else (0.5 if isinstance(dist, IntDistribution) else 0.0)
    low, high = dist.low - half, dist.high + half
    return (float(np.log(low)), float(np.log(high))) if dist.log else (float(low), float(high))


def _to_unit(dist: Numeric, value: float) -> float:
    low, high = _ends(dist)
    return ((np.log(value) if dist.log else value) - low) / (high - low)


def _from_unit(dist: Numeric, x: float) -> float | int:
    low, high = _ends(dist)
    value = low + x * (high - low)
    value = float(np.exp(value)) if dist.log else value
    if dist.step is not None and not dist.log:
        value = dist.low + dist.step * round((value - dist.low) / dist.step)
    value = min(max(value, dist.low), dist.high)
    return round(value) if isinstance(dist, IntDistribution) else value
