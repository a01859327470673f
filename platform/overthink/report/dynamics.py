"""The dynamics of stored trainings: the courses that runs have recorded, group by group."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overthink.comparison.arms import primary_arm, runs_of_primary_arm
from overthink.comparison.observations import held_fixed
from overthink.dynamics.findings import Dynamics, dynamics
from overthink.store.readable import of_each
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun, newest_per_key


class GroupDynamics(NamedTuple):
    """What a group, or a single run, shows."""

    name: str
    """Of the group or the run; of a study with its primary arm, which has these runs."""
    run_id: str
    """Of the group or the run: where its page is kept."""
    runs: tuple[StoredRun, ...]
    """The runs with courses that are shown."""
    found: Dynamics | None
    problems: tuple[str, ...]
    """What cannot be read; where nothing is found, why."""

    @property
    def fixed(self) -> tuple[str, ...]:
        """What all its runs share (see `held_fixed`): intervals do not cover other values of that."""
        return held_fixed(self.runs)


def dynamics_of(store: ReadableStore, chosen: Sequence[StoredRun]) -> Iterator[GroupDynamics]:
    """Yield the dynamics of each chosen group; of each chosen run where there is no group among them."""
    shown = [run for run in chosen if not run.is_policy]
    groups = sorted((run for run in shown if run.is_group), key=lambda run: run.started_ms)
    for group in groups:
        arm = primary_arm(group)
        members = newest_per_key(runs_of_primary_arm(group, shown)).values()
        yield _of_runs(store, f"{group.name} / {arm}" if arm else group.name, group.run_id, list(members))
    if not groups:
        for run in newest_per_key(shown).values():
            yield _of_runs(store, run.name, run.run_id, [run])


def _of_runs(store: ReadableStore, name: str, run_id: str, members: Sequence[StoredRun]) -> GroupDynamics:
    finished = [run for run in members if run.is_finished]
    recorded = [run for run in finished if run.records]
    if not recorded:
        why = (
            "no run is finished"
            if not finished
            else "its runs have recorded no course; to record one, put record: {samples: val} into the definition"
        )
        return GroupDynamics(name, run_id, (), None, (f"{name}: {why}",))
    read = of_each(sorted(recorded, key=lambda run: run.started_ms), lambda run: store.course(run.run_id))
    if not read.values:
        return GroupDynamics(name, run_id, (), None, tuple(read.problems))
    try:
        found = dynamics(read.values)
    except ValueError as error:
        return GroupDynamics(name, run_id, (), None, (*read.problems, f"{name}: {error}"))
    return GroupDynamics(name, run_id, tuple(read.runs), found, tuple(read.problems))
