"""Runs that definitions ask for, stored or not, for `overthink compare`. MLflow is not imported: it takes seconds."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from overthink.cli.sweep_names import runs_of_sweep
from overthink.cli.unknown_names import of_variant
from overthink.comparison.by_name import by_name, group_by_name, with_members
from overthink.comparison.sweeps import without_trials
from overthink.definition.errors import DefinitionError
from overthink.definition.source import is_definition
from overthink.report.safe_text import print_text
from overthink.seeds import joined
from overthink.sentences import number_of
from overthink.store import tags
from overthink.store.raw_run import RawRun
from overthink.store.stored import ASKED, StoredRun, once_each

if TYPE_CHECKING:
    from overthink.definition.experiment import LoadedExperiment


def requested_runs(
    runs: list[StoredRun], names: Sequence[str], settings: Sequence[str], console: Console, against: str | None = None
) -> list[StoredRun]:
    """Return the runs of definitions as they resolve now, those included that are not in the store yet.

    A name may also be that of a stored run or group, an ID, or a sweep, and one that is no definition is the name of an
    MLflow experiment, all its groups, or of a variant. Without names, all runs. The group that `against` names is
    always among them.
    """
    if not names:
        return runs
    wanted: list[StoredRun] = []
    for name in names:
        if found := by_name(runs, name):
            if settings:
                raise DefinitionError(
                    f"--set {settings[0]}: it changes definitions, and {name} is in the store already"
                )
            wanted += with_members(found, runs)
            continue
        if (trials := runs_of_sweep(runs, name)) is not None:
            wanted += trials
            continue
        stored = [run for run in runs if run.definition == name]
        if not stored and not settings and not is_definition(name):
            wanted += of_variant(runs, name)
            continue
        loaded = _definition(name, settings, optional=bool(stored) and not settings)
        if loaded is None:
            keys = {run.group_key for run in stored}
        else:
            for sentence in loaded.merged_sentences:
                print_text(console, sentence)
            known = {run.group_key for run in runs}
            wanted += [_group_asked(loaded, place, known) for place in range(len(loaded.groups))]
            keys = {one.key for group in loaded.groups for one in group.definition.by_either_kernels}
            _mention_others(name, {run.group_key for run in stored} - keys, console)
        wanted += without_trials((run for run in runs if run.group_key in keys), [*runs, *wanted])
    if against is not None:
        wanted += group_by_name(runs, against)
    return once_each(wanted)


def _definition(name: str, settings: Sequence[str], optional: bool) -> "LoadedExperiment | None":
    from overthink.definition.loading import load_experiment
    from overthink.definition.source import find

    try:
        return load_experiment(find(name), settings)
    except DefinitionError:
        if optional:
            return None
        raise


def _group_asked(loaded: "LoadedExperiment", place: int, known: Collection[str]) -> StoredRun:
    """Return the record that a group of a definition would have in a store: it asks for its seeds, run or not.

    It has the kernels of the group that the store knows by its key: torch's, if both or none.
    """
    from overthink.launching.recording.facts import group_tags, parameters

    group = loaded.groups[place]
    either = group.definition.by_either_kernels
    group = replace(group, definition=next((one for one in either if one.key in known), either[0]))
    seeds = joined(run.seeds.label for run in group.runs)
    asked = {**group_tags(loaded, group), tags.KIND: tags.KIND_GROUP, tags.SEEDS: seeds}
    params = parameters(group.definition, group.variant)
    # The place stands for a start time, so that rows are in the order of the definition.
    return RawRun(f"asked {group.definition.key}", "", group.label, ASKED, place, None, asked, params=params).parsed()


def _mention_others(name: str, others: set[str], console: Console) -> None:
    if others:
        more = number_of(len(others), "more group")
        print_text(
            console,
            f"{name}: the store has {more} of it, with other values (--set, or an earlier version); "
            "without a name, all are shown.",
        )
