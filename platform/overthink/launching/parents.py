"""The runs that a planned run builds on: main networks, the trunk of a fork, and a run of its first phases."""

from collections.abc import Mapping
from dataclasses import replace

from overthink.definition.run_definition import RunDefinition
from overthink.launching.known_runs import finished_id
from overthink.launching.planned_run import TO_DO, Parent, PlannedRun
from overthink.store.readable_store import ReadableStore
from overthink.training.regime import total_epochs


def with_main_networks(
    store: ReadableStore | None, policy: PlannedRun, planned: Mapping[str, PlannedRun]
) -> PlannedRun:
    """Return a policy network's run that is to be trained with the trainings of main networks that it needs."""
    main = policy.run.chooses_for
    if main is None or policy.action not in TO_DO:
        return policy

    def needed(run: RunDefinition) -> Parent:
        key = run.key
        to_come = key in planned and planned[key].action in TO_DO
        return Parent(key, None if to_come else finished_id(store, run))

    return replace(policy, main=needed(main), labelled_by=tuple(map(needed, policy.run.labelled_by)))


def trunk_of(store: ReadableStore | None, fork: PlannedRun, planned: Mapping[str, PlannedRun]) -> Parent | None:
    """Return the trunk of a fork that is to be trained."""
    trunk = fork.run.trunk
    if trunk is None or fork.action not in TO_DO:
        return None
    to_come = (key := trunk.key) in planned and planned[key].action in TO_DO
    return Parent(key, None if to_come else finished_id(store, trunk))


def parent_of(store: ReadableStore | None, child: PlannedRun, planned: Mapping[str, PlannedRun]) -> Parent | None:
    """Return the run that has trained, or will have trained, the most of a run's first phases.

    All of them, where the run differs in a corruption of its test images alone. A run that keeps snapshots trains the
    epochs before them itself.
    """
    if child.action not in TO_DO:
        return None
    clean = child.run.with_clean_tests
    for n_phases in range(len(clean.regime) - (clean.key == child.key), 0, -1):
        first = clean.model_copy(update={"regime": clean.regime[:n_phases], "keep": ()})
        if child.run.keep and total_epochs(first.regime) >= child.run.keep[0]:
            continue
        if (key := first.key) in planned and planned[key].action in TO_DO:
            return Parent(key, None, n_phases)
        if (run_id := finished_id(store, first)) is not None:
            return Parent(key, run_id, n_phases)
    return None
