"""A run as a store has it: a plain record that knows nothing of MLflow. Apart from `reader`, which imports mlflow."""

from collections.abc import Iterable
from dataclasses import dataclass

from overthink.store import tags

ASKED = "SCHEDULED"
"""The status of what a definition asks for; we never write it to a store."""


@dataclass(frozen=True)
class StoredRun:
    """One run or group."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    """MLflow's: RUNNING, FINISHED, FAILED, KILLED."""
    started_ms: int
    ended_ms: int | None
    tags: dict[str, str]
    metrics: dict[str, float]
    data: str = ""
    """The beginning of the digest of the data that it saw; empty where it has not said."""

    @property
    def outcome(self) -> str:
        """Ours: finished, diverged, failed, interrupted, or running."""
        if self.status == "FINISHED":
            return tags.FINISHED
        if self.status in ("RUNNING", "SCHEDULED"):
            return tags.RUNNING
        return self.tags.get(tags.OUTCOME, tags.INTERRUPTED)

    @property
    def is_only_asked(self) -> bool:
        """Whether no store has this: a definition asks for it."""
        return self.status == ASKED

    @property
    def is_group(self) -> bool:
        """Whether this is the parent run of a group."""
        return self.tags.get(tags.KIND) == tags.KIND_GROUP


def data_seen(digests: Iterable[str]) -> str:
    """Return what a run's digests come to: one, several joined where it went on with other data, or nothing."""
    return " ".join(sorted(set(digests)))


def newest_per_key(runs: Iterable[StoredRun]) -> dict[str, StoredRun]:
    """Return one run for each run key, oldest first: the newest finished one, else the newest."""
    best: dict[str, StoredRun] = {}
    for run in sorted(runs, key=lambda run: (run.status == "FINISHED", run.started_ms)):
        best[run.tags.get(tags.RUN_KEY, run.run_id)] = run
    return dict(sorted(best.items(), key=lambda item: item[1].started_ms))
