"""The group of runs in a store: an experiment, and the parent run that they share."""

import uuid
from typing import NamedTuple

from overthink.seeds import joined
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.group_spec import GroupSpec
from overthink.store.one_at_a_time import one_at_a_time
from overthink.store.reader import run_of
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
    group, changed = oldest(store, writer, spec), work
    if group is None or _lacks(group, spec):
        with one_at_a_time(store, experiment_id, f"group {spec.tags[tags.GROUP_KEY]}"):
            group = oldest(store, writer, spec) or _created(store, writer, spec, experiment_id)
            if _lacks(group, spec):
                changed = True
                missing = {} if group.params else spec.params
                writer.log(group.run_id, params=missing, run_tags={tags.SEEDS: _seeds(group, spec)})
    if changed or group.outcome in UNFINISHED:
        writer.resume(group.run_id)
        writer.log(group.run_id, run_tags=spec.tags)
        changed = True
    return GroupRef(experiment_id, group.run_id, changed)


def _lacks(group: StoredRun, spec: GroupSpec) -> bool:
    """Tell whether a group asks for fewer seeds, or has no parameters: its process was killed before it wrote them."""
    return _seeds(group, spec) != group.seeds_label or (not group.params and bool(spec.params))


def _seeds(group: StoredRun, spec: GroupSpec) -> str:
    return joined([*(seeds.label for seeds in group.seeds), *spec.seeds])


def oldest(store: Store, writer: Writer, spec: GroupSpec) -> StoredRun | None:
    """Return the group, if it is there: of several, the oldest.

    Of two that one process has made, because a reply was lost, the one with parameters: the other one never gets any.
    """
    wanted = {"kind": tags.KIND_GROUP, "group_key": spec.tags[tags.GROUP_KEY], "definition": spec.experiment}
    groups = sorted(find_runs(store, **wanted), key=StoredRun.order_made)
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
