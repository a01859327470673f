"""The group of runs in a store: an experiment, and the parent run that they share."""

import uuid
from typing import NamedTuple

from overthink.seeds import joined
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.group_spec import GroupSpec
from overthink.store.made_once import made_once
from overthink.store.reader import find_runs, run_of
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer

UNFINISHED = (tags.RUNNING, tags.INTERRUPTED)
"""Outcomes of a group that is to be aggregated again."""


class GroupRef(NamedTuple):
    """A group that is in the store."""

    experiment_id: str
    group_id: str
    changed: bool
    """Whether there is anything new to aggregate."""


def ensure_group(store: Store, writer: Writer, spec: GroupSpec, work: bool) -> GroupRef:
    """Create what is missing of a group, or resume the group that is there, with the seeds that are now asked for.

    Doing it again changes nothing. `work`: whether runs of the group are about to be trained.
    """
    experiment_id = store.experiment(spec.experiment, spec.note)
    store.offer_views(experiment_id, spec.views)
    group = made_once(
        store,
        experiment_id,
        f"group {spec.tags[tags.GROUP_KEY]}",
        lambda: oldest(store, writer, spec),
        lambda: _created(store, writer, spec, experiment_id),
    )
    seeds = joined([*(seeds.label for seeds in group.seeds), *spec.seeds])
    changed = work or seeds != group.seeds_label or group.outcome in UNFINISHED
    if changed:
        writer.resume(group.run_id)
        writer.log(group.run_id, run_tags={tags.SEEDS: seeds, **spec.tags})
    return GroupRef(experiment_id, group.run_id, changed)


def oldest(store: Store, writer: Writer, spec: GroupSpec) -> StoredRun | None:
    """Return the group, if it is there: of several, the oldest."""
    wanted = {"kind": tags.KIND_GROUP, "group_key": spec.tags[tags.GROUP_KEY], "definition": spec.experiment}
    groups = sorted(find_runs(store, **wanted), key=lambda run: (run.started_ms, run.run_id))
    for duplicate in groups[1:]:
        if duplicate.attempt and duplicate.attempt == groups[0].attempt:  # created twice: a reply was lost
            writer.delete(duplicate.run_id)
    return next(iter(groups), None)


def _created(store: Store, writer: Writer, spec: GroupSpec, experiment_id: str) -> StoredRun:
    own = {tags.KIND: tags.KIND_GROUP, tags.SEEDS: joined(spec.seeds), tags.ATTEMPT: uuid.uuid4().hex}
    if spec.colour:
        own[tags.RUN_COLOUR] = spec.colour
    run_id = writer.create(experiment_id, spec.group, {**own, **spec.tags}, spec.params)
    return oldest(store, writer, spec) or run_of(store, run_id)
