"""What would keep runs from being trained on this machine, looked at once, before there is any run."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from overthink.comparison.stored_runs import stored_runs
from overthink.data.catalogue import DatasetSpec, absence
from overthink.data.files import shown
from overthink.definition.experiment import Group, LoadedExperiment
from overthink.outbox.pending import finished_keys
from overthink.sentences import listed, number_of
from overthink.store import tags
from overthink.store.uri import database_file, state_folder

if TYPE_CHECKING:
    from overthink.launching.outcomes import Options

LEAST_FREE = 200 * 2**20
"""Bytes: room for the checkpoints, journals and pages of a few small runs."""


class Needed(NamedTuple):
    """A data set that a variant of a definition needs."""

    definition: str
    variant: str
    dataset: DatasetSpec


ENDED = (tags.FINISHED, tags.DIVERGED)
"""Outcomes of runs that are not trained again."""


def obstacles(experiments: Sequence[LoadedExperiment], options: "Options", uri: str) -> list[str]:
    """Return why runs that are to do cannot be trained here, a clause for each reason; none where all is well.

    Looked at are data sets (whether their files exist), the device, and room and permission in the folders of
    unfinished runs and of an SQLite store. With Ray, data and device are the cluster's and are not looked at. What is
    finished in the store of this URI needs none of it. A store that does not exist yet is not made.
    """
    groups = [(one.experiment.name, group) for one in experiments for group in one.groups]
    if not machine_obstacles(_needed(groups), options, uri):
        return []
    to_do = _to_do(groups, options.force, uri)
    return machine_obstacles(_needed(to_do), options, uri) if to_do else []


def _needed(groups: Sequence[tuple[str, Group]]) -> list[Needed]:
    return [Needed(name, group.label, group.definition.dataset) for name, group in groups]


def machine_obstacles(needed: Sequence[Needed], options: "Options", uri: str) -> list[str]:
    """Return the same for runs that are all to do, by the data sets that they need."""
    local = options.engine == "local"
    return [
        *(_missing_data(needed, options.data_root) if local else ()),
        *(_missing_device(options.device) if local else ()),
        *_missing_room(uri),
    ]


def check_machine(found: Sequence[str]) -> None:
    """Raise ValueError, one sentence, where there are obstacles."""
    if found:
        raise ValueError("; ".join(found))


def _to_do(groups: Sequence[tuple[str, Group]], force: bool, uri: str) -> list[tuple[str, Group]]:
    """Return the groups with a run that has not ended, by whichever kernels."""
    if force:
        return list(groups)
    ended = {run.run_key for run in stored_runs(metrics=(), uri=uri) if run.outcome in ENDED} | finished_keys(uri)
    return [(name, group) for name, group in groups if not _has_ended(group, ended)]


def _has_ended(group: Group, ended: set[str]) -> bool:
    return any(
        all(definition.with_seeds(seeds).key in ended for seeds in group.seeds)
        for definition in group.definition.by_either_kernels
    )


def _missing_data(needed: Sequence[Needed], root: Path | None) -> Iterator[str]:
    absences = {spec: absence(spec, root) for spec in dict.fromkeys(one.dataset for one in needed)}
    for absent in filter(None, dict.fromkeys(absences.values())):
        without = [one for one in needed if absences[one.dataset] == absent]
        yield f"{absent} (needed by {_named(without, needed)})"


def _named(some: Sequence[Needed], needed: Sequence[Needed]) -> str:
    """Return definitions, each once: alone where all of its variants are among some, else with these."""
    names = []
    for definition in dict.fromkeys(one.definition for one in some):
        variants, all_of_it = (
            list(dict.fromkeys(one.variant for one in of if one.definition == definition)) for of in (some, needed)
        )
        names.append(definition if variants == all_of_it else f"{definition}: {listed(variants)}")
    return listed(names)


def _missing_device(device: str) -> Iterator[str]:
    if not device.startswith("cuda"):
        return
    import torch

    count, number = torch.cuda.device_count(), int(device.partition(":")[2] or 0)
    if number >= count:
        there = "has no CUDA device" if not count else f"has {number_of(count, 'CUDA device')}"
        yield f"--device {device}: this machine {there}; use --device auto for what there is"


def _missing_room(uri: str) -> Iterator[str]:
    """Yield what is wrong with the folder of unfinished runs, and with that of an SQLite store."""
    database = database_file(uri)
    folders = {"unfinished runs (OVERTHINK_STATE)": state_folder()}
    if database is not None:
        folders["the store"] = database.absolute().parent
    of_above: dict[Path, list[str]] = {}
    for what, folder in folders.items():
        above = next(path for path in (folder, *folder.parents) if path.exists())
        of_above.setdefault(above, []).append(what)
    for above, names in of_above.items():
        if (problem := _problem_of(above)) is not None:
            yield f"the folder of {listed(names)}, {shown(above)}, {problem}"
    if database is not None and database.exists() and not os.access(database, os.W_OK):
        yield f"the store {shown(database)} cannot be written to"


def _problem_of(folder: Path) -> str | None:
    if not folder.is_dir():
        return "is a file"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "cannot be written to"
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        return f"has {free / 2**20:.0f} MB left on its disk; at least {LEAST_FREE / 2**20:.0f} MB are needed"
    return None
