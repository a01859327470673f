"""Reading runs back from a store, as plain records that know nothing of MLflow."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlflow.entities import Run, ViewType

from overthink.tracking import tags
from overthink.tracking.store import Store

PAGE = 1000


@dataclass(frozen=True)
class StoredRun:
    """One run or group as the store has it."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    """MLflow's: RUNNING, FINISHED, FAILED, KILLED."""
    started_ms: int
    tags: dict[str, str]
    metrics: dict[str, float]

    @property
    def outcome(self) -> str:
        """Ours: finished, diverged, failed, interrupted, or running."""
        if self.status == "FINISHED":
            return tags.FINISHED
        if self.status in ("RUNNING", "SCHEDULED"):
            return tags.RUNNING
        return self.tags.get(tags.OUTCOME, tags.INTERRUPTED)


def find_runs(store: Store, **wanted: str) -> list[StoredRun]:
    """Return the runs whose tags have the wanted values (names without the `overthink.`), newest first."""
    conditions = " and ".join(f"tags.`overthink.{name}` = '{_quoted(value)}'" for name, value in wanted.items())
    return list(search(store, conditions))


def search(store: Store, conditions: str, experiment_ids: list[str] | None = None) -> Iterator[StoredRun]:
    """Yield the active runs of a store that meet MLflow's filter conditions, newest first."""
    ids = experiment_ids or list(store.experiment_names())
    token = None
    while True:
        with store.sentences():
            page = store.client.search_runs(
                ids, conditions, ViewType.ACTIVE_ONLY, PAGE, ["attributes.start_time DESC"], page_token=token
            )
        yield from (stored_run(run) for run in page)
        token = page.token
        if not token:
            return


def stored_run(run: Run) -> StoredRun:
    """Return the plain record of an MLflow run."""
    return StoredRun(
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started_ms=run.info.start_time or 0,
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
    )


def newest_per_key(runs: list[StoredRun]) -> dict[str, StoredRun]:
    """Return one run for each run key: the newest finished one, else the newest."""
    best: dict[str, StoredRun] = {}
    for run in sorted(runs, key=lambda run: (run.status == "FINISHED", run.started_ms)):
        best[run.tags.get(tags.RUN_KEY, run.run_id)] = run
    return best


def _quoted(value: str) -> str:
    if "'" in value:
        raise ValueError(f"{value!r} cannot be searched for in a store")
    return value
