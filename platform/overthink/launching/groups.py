"""The groups of a session's runs: where they belong in the store, and putting them together at the end."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from overthink.launching.outcomes import Outcomes
from overthink.launching.plan import PlannedRun
from overthink.launching.recording.group_recorder import GroupRecorder, place_of
from overthink.outbox.sender import OutboxSender
from overthink.report.ui_views import columns_of, views
from overthink.store import tags
from overthink.store.client import Store, StoreError
from overthink.store.group import ensure_group
from overthink.store.group_spec import GroupSpec
from overthink.store.writer import Writer

ONE_RUNS_TROUBLE = (OSError, ValueError, StoreError)
"""What may go wrong while one run is recorded, a full disk or a damaged file, and must leave the others alone."""
MIDWAY_SECONDS = 600.0
"""How long a launch waits for a store that takes nothing, when it must know first what came of a run."""


class Groups:
    """Groups by their keys; `goals` are metrics that their experiments' tables open with."""

    def __init__(
        self, store: Store, writer: Writer, courier: OutboxSender, outcomes: Outcomes, goals: Sequence[str]
    ) -> None:
        self._store = store
        self._writer = writer
        self._courier = courier
        self._outcomes = outcomes
        self._goals = goals
        self._worked: set[str] = set()
        """Keys of groups that a run of this session was begun in, and that are not put together yet."""
        self._members: dict[str, list[PlannedRun]] = {}

    def enlist(self, runs: Iterable[PlannedRun]) -> None:
        """Count runs among the members of their groups."""
        for run in runs:
            self._members.setdefault(run.group.definition.key, []).append(run)

    def begin(self, run: PlannedRun) -> GroupSpec:
        """Return where a run that is begun belongs; its group is to be put together."""
        key = run.group.definition.key
        self._worked.add(key)
        return self._place(key)

    def abandon(self, outcome: str, message: str) -> None:
        """End the groups of runs that were begun, without putting them together."""
        for key in self._worked:
            settled = self._courier.release_group(self._place(key))
            if settled is not None:
                self._writer.close(settled.group_id, outcome, message)

    def close_all(self, undelivered: Collection[str] = ()) -> None:
        """Aggregate each group that has a run; a group with a run that did not finish ends as failed.

        Groups of runs that the store does not have yet are left to the next call.
        """
        for key, members in list(self._members.items()):
            if not any(run.key in undelivered or self._outcomes.of(run.key) == "undelivered" for run in members):
                self.close(key)

    def close(self, key: str, outcome: str | None = None) -> str | None:
        """Aggregate a group whose runs have all ended, if one of them is finished or was begun; return its run's id.

        Without an `outcome` the group ends as its runs have. Raises StoreError where the store does not hear of them.
        """
        members = self._members[key]
        outcomes = {self._outcomes.of(run.key) for run in members}
        someone_elses = key not in self._worked and "busy" in outcomes
        group_id = None
        if (key in self._worked or outcomes & {"done", tags.FINISHED}) and not someone_elses:
            self.wait_for(members)
            self._worked.discard(key)  # from here on an interruption leaves the group to the next call
            group_id = self._put_together(key, outcome or _outcome_of_group(outcomes))
        del self._members[key]
        return group_id

    def wait_for(self, runs: Sequence[PlannedRun]) -> None:
        """Wait until the store has all of some runs; raises StoreError where it takes nothing for long."""
        left = self._courier.wait(MIDWAY_SECONDS, [run.key for run in runs])
        if left is not None:
            raise StoreError(str(left))

    def _place(self, key: str) -> GroupSpec:
        first = self._members[key][0].run
        return place_of(self._members[key], views(first.network.blocks, columns_of(first, self._goals)))

    def _put_together(self, key: str, outcome: str) -> str | None:
        members, place = self._members[key], self._place(key)
        settled = self._courier.release_group(place)
        try:
            if settled is None:
                work = any(run.lock is not None for run in members)
                settled = ensure_group(self._store, self._writer, place, work)
            self._outcomes.experiment_ids[place.experiment] = settled.experiment_id
            recorder = GroupRecorder(
                self._store, self._writer, key, place.group, members[0].run, settled.group_id, settled.changed
            )
            recorder.close(outcome)
        except ONE_RUNS_TROUBLE as error:
            self._outcomes.unaggregated[place.group] = str(error)
            if settled is not None:  # interrupted, so that the next call tries again
                with suppress(StoreError):  # a group without a process counts as interrupted, too
                    self._writer.close(settled.group_id, tags.INTERRUPTED, f"not put together: {error}")
        return settled.group_id if settled is not None else None


def _outcome_of_group(outcomes: set[str]) -> str:
    """Return what a group ends as: finished where all its runs are, pruned where nothing worse happened to one."""
    unfinished = outcomes - {"done", tags.FINISHED}
    if not unfinished:
        return tags.FINISHED
    return tags.PRUNED if unfinished == {tags.PRUNED} else tags.FAILED
