"""A sweep and its trials in the store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from overthink.report.ui_views import columns_of, views
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.one_at_a_time import one_at_a_time
from overthink.store.run_names import group_name
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer
from overthink.sweep.ask_tell import Asked, Ending
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.samplers import versions
from overthink.sweep.space import format_point

DEFINITION_FILE = "sweep.json"


@dataclass
class SweepRecorder:
    """Writes a sweep's own run, and its trials as children of that run."""

    store: Store
    writer: Writer
    loaded: LoadedSweep
    goals: tuple[str, ...]
    """Names of the metrics that hold the objective values of trials."""
    experiment_id: str
    run_id: str

    @classmethod
    def open(cls, store: Store, writer: Writer, loaded: LoadedSweep) -> "SweepRecorder":
        """Create the sweep's run, or reopen it."""
        sweep = loaded.sweep
        experiment_id = store.experiment(sweep.name, sweep.description)
        goals = sweep.goals
        store.offer_views(experiment_id, views(columns_of(loaded.base, goals)))
        with one_at_a_time(store, experiment_id, f"sweep {loaded.study_name}"):
            found = _oldest(store, loaded)
            run_id = found.run_id if found else _created(writer, loaded, experiment_id)
            writer.resume(run_id)
            if not (found and found.params):  # or a process was killed before it wrote them, at last
                writer.text(run_id, DEFINITION_FILE, {"sweep": sweep.model_dump(mode="json"), "base": loaded.raw})
                writer.log(run_id, params=_parameters(loaded))
        return cls(store, writer, loaded, goals, experiment_id, run_id)

    def trial(self, asked: Asked, ending: Ending, group_run_id: str | None) -> str:
        """Log a trial's result to its group's run, or, if it has no group, to a new run; return the run's id."""
        number, point = asked.number, asked.point
        trial_tags = {tags.SWEEP: self.loaded.study_name, tags.TRIAL: str(number), tags.PARENT_OF_MLFLOW: self.run_id}
        if ending.values:
            trial_tags[tags.SCORE] = _score(self.loaded, ending)
        metrics = dict(zip(self.goals, ending.values, strict=True)) if ending.values else {}
        if group_run_id is not None:
            self.writer.log(group_run_id, metrics, number, run_tags=trial_tags)
            return group_run_id
        name = group_name(self.loaded.sweep.name, f"trial-{number}", format_point(point))
        parameters = {path: str(value) for path, value in point.items()}
        # A process that was killed before it told the study may have made it.
        known = find_runs(self.store, sweep=self.loaded.study_name, trial=str(number))
        run_id = known[0].run_id if known else self.writer.create(self.experiment_id, name, trial_tags, {})
        self.writer.log(run_id, metrics, params=parameters)
        self.writer.close(run_id, ending.outcome, ending.message)
        return run_id

    def best_so_far(self, number: int, value: float) -> None:
        """Log the best value after a trial."""
        self.writer.log(self.run_id, {f"best/{self.loaded.sweep.objectives[0].metric}": value}, step=number)

    def heartbeat(self) -> None:
        """Renew the heartbeat of the sweep's run."""
        self.writer.heartbeat([self.run_id])

    def show(self, page: str, note: str, counts: Mapping[str, int]) -> None:
        """Store the sweep's page and note, and the number of trials of each outcome."""
        self.writer.text(self.run_id, tags.FIGURES_PAGE, page)
        counted = {tags.named(f"trials_{state}"): str(count) for state, count in counts.items()}
        self.writer.log(self.run_id, run_tags={tags.MLFLOW_NOTE: note, **counted})

    def close(self, outcome: str, message: str = "") -> None:
        """End the sweep's run."""
        self.writer.close(self.run_id, outcome, message)


def _created(writer: Writer, loaded: LoadedSweep, experiment_id: str) -> str:
    return writer.create(experiment_id, f"sweep {loaded.sweep.name}", _tags(loaded), {})


def _oldest(store: Store, loaded: LoadedSweep) -> StoredRun | None:
    """Return the sweep's own run; of two that one request has made, because a reply was lost, the one in use."""
    known = [run for run in find_runs(store, sweep=loaded.study_name) if run.trial is None]
    return min(known, key=StoredRun.order_made, default=None)


def _score(loaded: LoadedSweep, ending: Ending) -> str:
    objectives = [
        {"metric": one.metric, "goal": one.goal, "value": value}
        for one, value in zip(loaded.sweep.objectives, ending.values, strict=True)
    ]
    return json.dumps({"objectives": objectives, "keeps_bounds": ending.keeps_bounds})


def _tags(loaded: LoadedSweep) -> dict[str, str]:
    return {
        tags.SWEEP: loaded.study_name,
        "mlflow.source.name": loaded.source,
        "mlflow.source.type": "LOCAL",
        **{tags.named(name): version for name, version in versions(loaded.sweep.sampler).items()},
    }


def _parameters(loaded: LoadedSweep) -> dict[str, str]:
    plain: dict[str, Any] = loaded.sweep.model_dump(mode="json", exclude_defaults=True)
    space = {f"space.{path}": json.dumps(one) for path, one in plain["space"].items()}
    goals = {f"objective.{place}": f"{one.goal} {one.metric}" for place, one in enumerate(loaded.sweep.objectives)}
    bounds = {f"constraint.{place}": one.label for place, one in enumerate(loaded.sweep.constraints)}
    return {**goals, **bounds, **space, "sampler": loaded.sweep.sampler.kind, "study": loaded.study_name}
