"""What has become of a journal's run in the store: it is still its own, or another process has resumed or finished it.

Another process resumes a run while this machine is cut off from the store, or from another working directory. Nothing
of a journal is discarded before the store holds a finished run of its key.
"""

from enum import Enum

from overthink.outbox.entries import Begin
from overthink.outbox.journal import Journal
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.liveness import RunProcess, taken_over
from overthink.store.reader import active_run, is_purged
from overthink.store.stored import StoredRun


class Ownership(Enum):
    """Whose a run is."""

    OURS = "the journal's own"
    RESUMED = "another process has resumed it"
    FINISHED = "another process has finished it"
    GONE = "it was deleted for good"


class ResumedError(RuntimeError):
    """What a journal holds cannot be uploaded now."""

    def __init__(self) -> None:
        super().__init__("another process has resumed this run; what is here is kept until that one has finished")


def ownership(store: Store, journal: Journal, run_id: str | None) -> Ownership:
    """Return what has become of the run of an id, None while the store has not given it one.

    Raises StoreError where the store is unreachable.
    """
    if run_id is None:
        superfluous = not journal.fresh and not journal.is_finished and _is_finished_elsewhere(store, journal.begin)
        return Ownership.FINISHED if superfluous else Ownership.OURS
    run = active_run(store, run_id)
    if run is None:
        return _of_deleted(store, journal, run_id)
    if run.replaced_by:
        return Ownership.FINISHED
    if _is_ours(run, journal):
        return Ownership.OURS
    if run.is_finished or _is_finished_elsewhere(store, journal.begin):
        return Ownership.FINISHED
    return Ownership.RESUMED


def _of_deleted(store: Store, journal: Journal, run_id: str) -> Ownership:
    if _is_finished_elsewhere(store, journal.begin):
        return Ownership.FINISHED
    # To one in the trash the store refuses what is sent, and says so, until it is restored.
    return Ownership.GONE if is_purged(store, run_id) else Ownership.OURS


def _is_ours(run: StoredRun, journal: Journal) -> bool:
    begin, theirs = journal.begin, run.process
    ours = RunProcess.of(begin.alive)
    if theirs[:2] == ours[:2] or not ours.process:
        return True
    if journal.uploaded or begin.run_id is None:  # the store has had our name
        return False
    if run.is_finished:  # by the process that we took for dead: it was slow, or cut off
        return False
    return theirs[:2] == begin.before if begin.before is not None else not taken_over(theirs, ours)


def _is_finished_elsewhere(store: Store, begin: Begin) -> bool:
    """Tell whether a run of the same key is finished: of one that --force repeats, one that began later."""
    forced = tags.FORCED in begin.tags
    others = find_runs(store, kind=tags.KIND_RUN, run_key=begin.run_key)
    return any(run.is_finished and (not forced or run.started_ms > begin.time_ms) for run in others)
