"""A sweep's Optuna study: created with the trials of narrower and wider sweeps, or loaded."""

import warnings
from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from overthink.sweep.definition import LoadedSweep
from overthink.sweep.samplers import pruner_for, versions
from overthink.sweep.space import Choice, FloatRange, IntRange, Parameter, Value, is_active
from overthink.sweep.storage import TrialStoreError
from overthink.untrusted import reason

MEASURE, CARRIED, READY = "overthink.measure", "overthink.carried", "overthink.ready"
"""Of a study: hash of what its values depend on. Of a trial: where it was copied from. Of a study: copying is done."""
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def open_study(storage: RDBStorage, loaded: LoadedSweep) -> Study:
    """Return the study of a sweep. A new one starts with copies of other studies' trials that lie in its space.

    A grid starts empty: it tries all its points anyway, and finished runs are not trained again.
    """
    study = optuna.create_study(
        storage=storage,
        study_name=loaded.study_name,
        directions=[objective.goal for objective in loaded.sweep.objectives],
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


def existing(storage: RDBStorage | None, loaded: LoadedSweep) -> Study | None:
    """Return the study of a sweep, or None if there is none yet, or no storage."""
    if storage is None:
        return None
    known = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=loaded.study_name, storage=storage) if loaded.study_name in known else None


def trials_of(study: Study) -> list[FrozenTrial]:
    """Return the trials of a study; raises TrialStoreError where the storage holds one that cannot be read."""
    try:
        return study.get_trials(deepcopy=False)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrialStoreError(f"study {study.study_name}: a trial cannot be read: {reason(error)}") from error


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return a parameter's Optuna distribution."""
    match parameter:
        case FloatRange():
            return FloatDistribution(*parameter.ends, log=parameter.log, step=parameter.step)
        case IntRange():
            return IntDistribution(*parameter.ends, log=parameter.log, step=parameter.step)
        case Choice():
            return CategoricalDistribution(parameter.grid)


def suggested(trial: Trial, space: Mapping[str, Parameter]) -> dict[str, Value]:
    """Return a trial's point of a space: a value of each parameter that is active there."""
    point: dict[str, Value] = {}
    for path, parameter in space.items():
        if is_active(parameter, point):
            point[path] = suggest(trial, path, parameter)
    return point


def suggest(trial: Trial, path: str, parameter: Parameter) -> Value:
    """Return a trial's value of a parameter: the sampler chooses it at the first call."""
    match parameter:
        case FloatRange():
            return trial.suggest_float(path, *parameter.ends, log=parameter.log, step=parameter.step)
        case IntRange():
            return trial.suggest_int(path, *parameter.ends, log=parameter.log, step=parameter.step)
        case Choice():
            chosen = trial.suggest_categorical(path, parameter.grid)
            assert chosen is not None  # Optuna allows None among choices, a sweep file does not
            return chosen


def _carry_over(storage: RDBStorage, study: Study, loaded: LoadedSweep) -> None:
    known = {_identity(trial) for trial in trials_of(study)}
    for name in sorted(optuna.get_all_study_names(storage)):
        other = optuna.load_study(study_name=name, storage=storage) if name != loaded.study_name else study
        if other.user_attrs.get(MEASURE) != loaded.measure or other.directions != study.directions:
            continue
        for trial in (trial for trial in trials_of(other) if trial.state in FINISHED):
            carried = _carried(trial, loaded.sweep.space, f"{name}, trial {trial.number}")
            if carried is not None and _identity(trial) not in known:
                known.add(_identity(trial))
                study.add_trial(carried)


def _carried(trial: FrozenTrial, space: Mapping[str, Parameter], origin: str) -> FrozenTrial | None:
    """Return a copy of a finished trial for a study of another space, or None where the trial is outside that space."""
    within = {path: distribution(one) for path, one in space.items() if is_active(one, trial.params)}
    if within.keys() != trial.params.keys():
        return None
    for path, one in within.items():
        if isinstance(one, CategoricalDistribution) != isinstance(trial.distributions[path], CategoricalDistribution):
            return None
    try:
        return create_trial(
            state=trial.state,
            values=trial.values,
            params=trial.params,
            distributions=within,
            user_attrs={**trial.user_attrs, CARRIED: origin},
            constraints=trial.constraints,
            intermediate_values=trial.intermediate_values,
        )
    except ValueError:  # a value outside its distribution
        return None


def _identity(trial: FrozenTrial) -> str:
    return f"{sorted(trial.params.items())} {trial.values} {trial.datetime_start}"
