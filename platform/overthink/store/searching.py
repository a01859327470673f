"""The experiments and runs of an MLflow store, by MLflow's search."""

from collections.abc import Iterator, Mapping

from mlflow.entities import Experiment, Run, ViewType

from overthink.store import sqlite_reader
from overthink.store.connection import Connection
from overthink.store.raw_run import RawRun
from overthink.store.stored import StoredRun, data_seen

PAGE = 1000


class Searching(Connection):
    """A tracking store that can be searched."""

    def tagged(self, wanted: Mapping[str, str]) -> list[RawRun]:
        """Return the active runs that have tags of these values, newest first."""
        if self._database is not None:
            with self.sentences():
                found = sqlite_reader.tagged(self._database, wanted)
            if found is not None:
                return found
        return list(self.search_raw(" and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())))

    def search(self, conditions: str) -> Iterator[StoredRun]:
        """Yield the active runs that meet MLflow's filter conditions, newest first."""
        return (run.parsed() for run in self.search_raw(conditions))

    def search_raw(self, conditions: str) -> Iterator[RawRun]:
        """Yield the same runs with their tags as the store has them."""
        ids = list(self.experiment_names())
        token = None
        while True:
            with self.sentences():
                page = self.client.search_runs(
                    ids, conditions, ViewType.ACTIVE_ONLY, PAGE, ["attributes.start_time DESC"], page_token=token
                )
            yield from map(raw, page)
            token = page.token
            if not token:
                return

    def experiment_names(self) -> dict[str, str]:
        """Return the names of all experiments by id."""
        return {experiment.experiment_id: experiment.name for experiment in self.experiments()}

    def experiment_tags(self, prefix: str) -> list[tuple[str, str]]:
        """Return the tags of all experiments whose names begin with a prefix: what follows it, and the value."""
        return [
            (key.removeprefix(prefix), value)
            for experiment in self.experiments()
            for key, value in experiment.tags.items()
            if key.startswith(prefix)
        ]

    def experiments(self) -> list[Experiment]:
        """Return all experiments that are not deleted."""
        with self.sentences():
            found: list[Experiment] = []
            token = None
            while True:
                page = self.client.search_experiments(ViewType.ACTIVE_ONLY, max_results=1000, page_token=token)
                found += page
                token = page.token
                if not token:
                    return found


def raw(run: Run) -> RawRun:
    """Return a run without MLflow, its tags as the store has them."""
    return RawRun(
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started_ms=run.info.start_time or 0,
        ended_ms=run.info.end_time,
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
        params=dict(run.data.params),
        data=data_seen({entry.dataset.digest for entry in run.inputs.dataset_inputs} if run.inputs else set()),
    )
