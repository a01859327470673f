"""A sweep's study in Optuna: made, taken up again, or begun with what a narrower or wider sweep has found out."""

import warnings
from collections.abc import Mapping

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from overthink.sweep.choosers import pruner_for, versions
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.space import Choice, FloatRange, IntRange, Parameter, counts

MEASURE, CARRIED, READY = "overthink.measure", "overthink.carried", "overthink.ready"
"""What a study's values depend on; which study a trial was carried over from; that a study has all that were."""
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def open_study(storage: RDBStorage, loaded: LoadedSweep) -> Study:
    """Return the study of a sweep. A new one begins with the trials of other spaces that lie in its own.

    An exhaustive grid is gone through by itself: runs that exist already cost it nothing.
    """
    study = optuna.create_study(
        storage=storage,
        study_name=loaded.study_name,
        directions=[objective.way for objective in loaded.sweep.objectives],
        pruner=pruner_for(loaded.sweep.pruner),
        load_if_exists=True,
    )
    if READY not in study.user_attrs:
        if loaded.sweep.sampler.kind != "grid":
            _carry_over(storage, study, loaded)
        for key, value in {MEASURE: loaded.measure, **versions(loaded.sweep.sampler), READY: True}.items():
            study.set_user_attr(key, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([objective.metric for objective in loaded.sweep.objectives])
    return study


def existing(storage: RDBStorage, loaded: LoadedSweep) -> Study | None:
    """Return the study of a sweep if it was begun."""
    known = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=loaded.study_name, storage=storage) if loaded.study_name in known else None


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return a parameter as Optuna has it."""
    match parameter:
        case FloatRange():
            return FloatDistribution(*parameter.between, log=parameter.log, step=parameter.step)
        case IntRange():
            return IntDistribution(*parameter.between, log=parameter.log, step=parameter.step)
        case Choice():
            return CategoricalDistribution(parameter.grid)


def _carry_over(storage: RDBStorage, study: Study, loaded: LoadedSweep) -> None:
    known = {_identity(trial) for trial in study.get_trials(deepcopy=False)}
    for name in sorted(optuna.get_all_study_names(storage)):
        other = optuna.load_study(study_name=name, storage=storage) if name != loaded.study_name else study
        if other.user_attrs.get(MEASURE) != loaded.measure or other.directions != study.directions:
            continue
        for trial in other.get_trials(deepcopy=False, states=FINISHED):
            within = _within(trial, loaded.sweep.space)
            if within is not None and _identity(trial) not in known:
                known.add(_identity(trial))
                attributes = {**trial.user_attrs, CARRIED: f"{name}, trial {trial.number}"}
                study.add_trial(
                    optuna.trial.create_trial(
                        state=trial.state,
                        values=trial.values,
                        params=trial.params,
                        distributions=within,
                        user_attrs=attributes,
                        system_attrs={
                            key: value for key, value in trial.system_attrs.items() if key.startswith("constraints")
                        },
                        intermediate_values=trial.intermediate_values,
                    )
                )


def _within(trial: FrozenTrial, space: Mapping[str, Parameter]) -> dict[str, BaseDistribution] | None:
    """Return the distributions of a trial's parameters in a space, or None where it lies outside."""
    needed = {path: distribution(one) for path, one in space.items() if counts(one, trial.params)}
    if needed.keys() != trial.params.keys():
        return None
    for path, one in needed.items():
        value = trial.params[path]
        if isinstance(one, CategoricalDistribution) != isinstance(trial.distributions[path], CategoricalDistribution):
            return None
        inside = value in one.choices if isinstance(one, CategoricalDistribution) else one._contains(value)
        if not inside:
            return None
    return needed


def _identity(trial: FrozenTrial) -> str:
    return f"{sorted(trial.params.items())} {trial.values} {trial.datetime_start}"
