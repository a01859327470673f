"""Samplers and pruners: the Optuna objects built from their settings.

Each trial has a sampler of its own, with a seed of its own: its values depend on the sweep's seed, the trial's number
and the trials before it only, so that a sweep that is killed and resumed tries the same values as an undisturbed one.
"""

import warnings
from collections.abc import Mapping

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, GPSampler, PartialFixedSampler, QMCSampler, RandomSampler, TPESampler

from overthink.sweep.sampler_spec import PrunerSpec, SamplerSpec
from overthink.sweep.space import Parameter, Value


def sampler_for(
    spec: SamplerSpec, number: int, space: Mapping[str, Parameter], grid_point: Mapping[str, Value]
) -> BaseSampler:
    """Return the sampler of one trial. On a grid it returns that point; Optuna's GridSampler needs optimize()."""
    seed = int(np.random.SeedSequence([spec.seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        match spec.kind:
            case "tpe":
                conditional = any(parameter.when for parameter in space.values())
                return TPESampler(seed=seed, n_startup_trials=spec.startup_trials, multivariate=True, group=conditional)
            case "gp":
                return GPSampler(seed=seed, n_startup_trials=spec.startup_trials)
            case "cma-es":
                from overthink.sweep.cma_es import ReplayedCmaEs  # SciPy

                return ReplayedCmaEs(spec.seed, seed, spec.startup_trials)
            case "random":
                return RandomSampler(seed=seed)
            case "quasi-random":  # one scrambled sequence; each trial takes its next point
                return QMCSampler(seed=spec.seed, scramble=True, independent_sampler=RandomSampler(seed=seed))
            case "grid":
                return PartialFixedSampler(dict(grid_point), RandomSampler(seed=seed))


def pruner_for(spec: PrunerSpec | None) -> BasePruner:
    """Return the pruner of a study."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        match spec:
            case None:
                return NopPruner()
            case PrunerSpec(kind="median"):
                return MedianPruner(spec.startup_trials, spec.warmup_epochs + 1)
            case PrunerSpec(kind="percentile"):
                return PercentilePruner(spec.percentile, spec.startup_trials, spec.warmup_epochs + 1)
            case PrunerSpec(kind="halving"):
                return SuccessiveHalvingPruner(reduction_factor=spec.reduction)
            case _:
                return HyperbandPruner(reduction_factor=spec.reduction)


def versions(spec: SamplerSpec) -> dict[str, str]:
    """Return what the values of trials depend on besides the seed: Optuna's version and the sampler."""
    return {"optuna": optuna.__version__, "sampler": spec.kind}
