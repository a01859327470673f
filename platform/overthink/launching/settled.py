"""Launches that have nothing to do, told from an SQLite store without MLflow and torch, whose import takes seconds.

Whatever is not plainly finished and in order (something to train, to upload, to aggregate, to mark as interrupted, a
changed description) is left to the usual way, which brings it in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from overthink.definition.experiment import Group, LoadedExperiment
from overthink.definition.loading import main_networks_of
from overthink.definition.run_definition import GroupDefinition
from overthink.launching.known_runs import counting_run, lacks_snapshots
from overthink.launching.outcomes import Options
from overthink.launching.planned_run import PlannedRun
from overthink.outbox.pending import is_anything_left
from overthink.report.ui_views import columns_of, views
from overthink.seeds import joined
from overthink.settings import check_settings, default_kernels
from overthink.store import sqlite_reader, tags
from overthink.store.claims import PREFIX, keys_in_claims
from overthink.store.liveness import is_gone
from overthink.store.stored import StoredRun
from overthink.store.uri import database_file


class Settled(NamedTuple):
    """Runs that are all finished, as they are in the store."""

    runs: list[PlannedRun]
    """What is planned, which is nothing: the action of each is `done`."""
    stored: list[StoredRun]
    """Every run and group of the groups that were asked for."""
    experiment_id: str
    """Of the first one."""
    view: str
    """Key of the view that its table opens with."""


class _Read(NamedTuple):
    """What a store has."""

    by_group: Mapping[str, list[StoredRun]]
    """Key of a group -> the group, of each experiment, and its runs."""
    experiments: Mapping[str, Mapping[str, str]]
    """Id -> the tags of an experiment."""
    claimed: frozenset[str]
    """Keys of the runs that other processes are about to train."""


def settled(experiments: Sequence[LoadedExperiment], options: Options, uri: str) -> Settled | None:
    """Return the runs of experiments if all of them are finished, and nothing else is left to do; None otherwise."""
    database = database_file(uri)
    if options.force or options.engine != "local" or database is None or not database.exists() or is_anything_left():
        return None
    check_settings(options.data_root)
    if (store := _read(database)) is None:
        return None
    asked = default_kernels() if options.kernels == "auto" else options.kernels
    runs: list[PlannedRun] = []
    for given in experiments:
        if (loaded := _with_main_networks(given, store, asked)) is None:
            return None
        groups = [_finished(loaded, group, store, asked) for group in loaded.groups]
        of = [run for group in groups if group is not None for run in group]
        if None in groups or len({run.run.kernels for run in of}) > 1:  # kernels that differ may be refused
            return None
        runs += of
    keys = list(dict.fromkeys(run.group.definition.key for run in runs))
    if not runs or len(keys) < sum(len(loaded.groups) for loaded in experiments):  # variants that are one
        return None
    experiment_id = _group(runs[0].experiment, keys[0], store)[0].experiment_id
    view = store.experiments[experiment_id][tags.VIEWS].split()[0]
    return Settled(runs, [run for key in keys for run in store.by_group[key]], experiment_id, view)


def _read(database: Path) -> _Read | None:
    """Return what a store has; None where processes that are gone have left something to bring in order."""
    found, of_experiments = sqlite_reader.read(database), sqlite_reader.experiment_tags(database)
    if found is None or any(run.outcome == tags.RUNNING and is_gone(run.process) for run in found):
        return None
    of_all = [tag for of in of_experiments.values() for tag in of.items()]
    claimed = keys_in_claims(text for key, text in of_all if key.startswith(PREFIX))
    if claimed is None:
        return None
    by_group: dict[str, list[StoredRun]] = {}
    for run in found:
        by_group.setdefault(run.group_key, []).append(run)
    return _Read(by_group, of_experiments, frozenset(claimed))


def _finished(loaded: LoadedExperiment, group: Group, store: _Read, asked: str) -> list[PlannedRun] | None:
    """Return the runs of a group that is finished and aggregated, by the kernels that it was begun with."""
    definition = _begun(group, store, asked)
    if definition is None or not _is_in_order(loaded, replace(group, definition=definition), store):
        return None
    group, runs = replace(group, definition=definition), []
    for run in group.runs:
        key = run.key
        stored = counting_run(one for one in store.by_group[definition.key] if one.run_key == key and not one.is_group)
        if stored is None or not stored.is_finished or (run.keep and lacks_snapshots(stored, group.definition)):
            return None
        runs.append(PlannedRun(loaded, group, run, key, "done", stored, forced=True, lock=None))
    return runs


def _with_main_networks(loaded: LoadedExperiment, store: _Read, asked: str) -> LoadedExperiment | None:
    """Return an experiment with the main networks that its policy networks were made with, if all are finished."""
    mains, groups = iter(main_networks_of(loaded)), []
    for group in loaded.groups:
        definition = group.definition
        if definition.policy is not None:
            (of,) = next(mains).groups
            if (main := _begun(of, store, asked)) is None:
                return None
            finished = {run.run_key for run in store.by_group[main.key] if run.is_finished}
            if not {main.with_seeds(seeds).key for seeds in of.seeds} <= finished:
                return None
            definition = definition.with_main(main)
        groups.append(replace(group, definition=definition))
    return replace(loaded, groups=tuple(groups))


def _begun(group: Group, store: _Read, asked: str) -> GroupDefinition | None:
    """Return a group's definition by the only kernels that the store has runs of, if they are what is asked for."""
    if "threads" in group.changes:  # which native kernels leave out
        return None
    either = group.definition.by_either_kernels
    if store.claimed & {one.with_seeds(seeds).key for one in either for seeds in group.seeds}:
        return None
    begun = [one for one in either if one.key in store.by_group]
    return begun[0] if len(begun) == 1 and asked in ("auto", begun[0].kernels) else None


def _is_in_order(loaded: LoadedExperiment, group: Group, store: _Read) -> bool:
    """Tell whether a group is there once, aggregated over the seeds asked for, in an experiment as it should be."""
    found = _group(loaded, group.definition.key, store)
    if len(found) != 1 or not found[0].is_finished:
        return False
    of_group, of_experiment = found[0], store.experiments.get(found[0].experiment_id, {})
    seeds = joined([*(seeds.label for seeds in of_group.seeds), *(seeds.label for seeds in group.seeds)])
    description, columns = loaded.experiment.description, columns_of(group.definition)
    return seeds == of_group.seeds_label and is_presented(of_experiment, description, columns)


def is_presented(of_experiment: Mapping[str, str], description: str, columns: Sequence[str]) -> bool:
    """Tell whether an experiment has its description, as it is or as a person has edited it, and its views."""
    edited = of_experiment.get(tags.MLFLOW_NOTE) != of_experiment.get(tags.NOTE)
    is_described = edited or of_experiment.get(tags.NOTE) == description
    return is_described and of_experiment.get(tags.VIEWS) == " ".join(views(columns))


def _group(loaded: LoadedExperiment, key: str, store: _Read) -> list[StoredRun]:
    """Return the groups of a key in an experiment: as a rule one."""
    return [run for run in store.by_group[key] if run.is_group and run.definition == loaded.experiment.name]
