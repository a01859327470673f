"""The groups of a session's runs: where they are in the store, and aggregating them when their runs have ended."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from overthink.launching.outcomes import Outcomes
from overthink.launching.planned_run import PlannedRun
from overthink.launching.recording.group_recorder import close_group, group_spec
from overthink.outbox.sender import OutboxSender
from overthink.report.ui_views import columns_of, views
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.group import ensure_group
from overthink.store.group_spec import GroupSpec
from overthink.store.writer import Writer

ERRORS_OF_ONE_RUN = (OSError, ValueError, StoreError)
"""What may go wrong while one run is recorded, a full disk or a damaged file, and must leave the others alone."""
GroupKey = tuple[str, str]
"""See `PlannedRun.group_key`."""
MIDWAY_SECONDS = 600.0
"""How long a session waits for an unreachable store when it needs a run's results before it can continue."""


class Groups:
    """Groups by their keys; `goals` are metrics that their experiments' tables open with."""

    def __init__(
        self, store: Store, writer: Writer, sender: OutboxSender, outcomes: Outcomes, goals: Sequence[str]
    ) -> None:
        self._store = store
        self.writer = writer
        self._sender = sender
        self._outcomes = outcomes
        self._goals = goals
        self._begun: set[GroupKey] = set()
        """Keys of groups in which a run of this session was begun, and that are not closed yet."""
        self._members: dict[GroupKey, list[PlannedRun]] = {}

    def add_members(self, runs: Iterable[PlannedRun]) -> None:
        """Count runs among the members of their groups."""
        for run in runs:
            self._members.setdefault(run.group_key, []).append(run)

    def begin(self, run: PlannedRun) -> GroupSpec:
        """Return the group of a run that is begun; it is to be aggregated."""
        key = run.group_key
        self._begun.add(key)
        return self._spec(key)

    def abandon(self, outcome: str, message: str) -> None:
        """End the groups of runs that were begun, without aggregating them."""
        for key in self._begun:
            group = self._sender.release_group(self._spec(key))
            if group is not None:
                self.writer.close(group.group_id, outcome, message)

    def close_all(self, pending: Collection[str] = ()) -> None:
        """Aggregate each group that has a run; groups of runs with pending uploads are left to the next call."""
        for key, members in list(self._members.items()):
            if not any(run.key in pending or self._outcomes.of(run.key) == "queued" for run in members):
                self.close(key)

    def close(self, key: GroupKey, outcome: str | None = None) -> str | None:
        """Aggregate a group whose runs have all ended, if one of them is finished or was begun; return its run's id.

        Without an `outcome` the group ends as its runs have. Raises StoreError where the store stays unreachable.
        """
        members = self._members[key]
        outcomes = {self._outcomes.of(run.key) for run in members}
        of_another_process = key not in self._begun and "busy" in outcomes
        group_id = None
        if (key in self._begun or outcomes & {"done", tags.FINISHED}) and not of_another_process:
            self.wait_for(members)
            self._begun.discard(key)  # from here on an interruption leaves the group to the next call
            group_id = self._close(key, outcome)
        del self._members[key]
        return group_id

    def wait_for(self, runs: Sequence[PlannedRun]) -> None:
        """Wait until runs are fully uploaded; raises StoreError where the store stays unreachable."""
        left = self._sender.wait(MIDWAY_SECONDS, [run.key for run in runs])
        if left is not None:
            raise StoreError(str(left))

    def _spec(self, key: GroupKey) -> GroupSpec:
        first = self._members[key][0].run
        return group_spec(self._members[key], views(columns_of(first, self._goals)))

    def _close(self, key: GroupKey, outcome: str | None) -> str | None:
        members, spec = self._members[key], self._spec(key)
        group = self._sender.release_group(spec)
        try:
            if group is None:
                work = any(run.lock is not None for run in members)
                group = ensure_group(self._store, self.writer, spec, work)
            self._outcomes.experiment_ids[spec.experiment] = group.experiment_id
            if group.changed:
                close_group(self._store, self.writer, group.group_id, members[0].run, outcome)
        except ERRORS_OF_ONE_RUN as error:
            self._outcomes.unaggregated[spec.group] = str(error)
            if group is not None:  # interrupted, so that the next call tries again
                with suppress(StoreError):  # a group without a process counts as interrupted, too
                    self.writer.close(group.group_id, tags.INTERRUPTED, f"not aggregated: {error}")
        return group.group_id if group is not None else None
