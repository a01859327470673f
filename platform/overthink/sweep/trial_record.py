"""What a sweep and its trials become in the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overthink.report.ui_views import columns_of, views
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import find_runs
from overthink.store.writer import Writer
from overthink.sweep.choosers import versions
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.space import Value, said

DEFINITION_FILE = "sweep.json"


@dataclass
class SweepRecorder:
    """Writes a sweep's own run, and makes its trials children of it."""

    store: Store
    writer: Writer
    loaded: LoadedSweep
    experiment_id: str
    run_id: str

    @classmethod
    def open(cls, store: Store, writer: Writer, loaded: LoadedSweep) -> "SweepRecorder":
        """Create the sweep's run, or take up the one that is there."""
        sweep = loaded.sweep
        experiment_id = store.experiment(sweep.name, sweep.description)
        columns = columns_of(loaded.base, _goals(loaded))
        store.offer_views(experiment_id, views(loaded.base.network.blocks, columns))
        known = [run for run in find_runs(store, sweep=loaded.study_name) if run.trial is None]
        if known:
            run_id = min(known, key=lambda run: (run.started_ms, run.run_id)).run_id
            writer.revive(run_id)
        else:
            run_id = writer.create(experiment_id, f"sweep {sweep.name}", _tags(loaded), _parameters(loaded))
            writer.text(run_id, DEFINITION_FILE, {"sweep": sweep.model_dump(mode="json"), "base": loaded.raw})
        return cls(store, writer, loaded, experiment_id, run_id)

    @property
    def goals(self) -> tuple[str, ...]:
        """The metrics under which trials keep what their study was told."""
        return _goals(self.loaded)

    def trial(
        self,
        number: int,
        point: Mapping[str, Value],
        group_run_id: str | None,
        outcome: str,
        values: Sequence[float] = (),
        message: str = "",
    ) -> str:
        """Say of a trial's group what the trial was and came to; a trial that trained nothing gets a run of its own."""
        trial_tags = {tags.SWEEP: self.loaded.study_name, tags.TRIAL: str(number), "mlflow.parentRunId": self.run_id}
        metrics = dict(zip(self.goals, values, strict=True)) if values else {}
        if group_run_id is not None:
            self.writer.log(group_run_id, metrics, number, run_tags=trial_tags)
            return group_run_id
        name = f"{self.loaded.sweep.name}: trial-{number} [{said(point)}]"
        parameters = {path: str(value) for path, value in point.items()}
        run_id = self.writer.create(self.experiment_id, name, trial_tags, {})
        self.writer.log(run_id, metrics, params=parameters)
        self.writer.close(run_id, outcome, message)
        return run_id

    def best_so_far(self, number: int, value: float) -> None:
        """Add a point to the sweep's curve: the best value after a trial."""
        self.writer.log(self.run_id, {f"best/{self.loaded.sweep.objectives[0].metric}": value}, step=number)

    def beat(self) -> None:
        """Say that somebody is at the sweep."""
        self.writer.beat([self.run_id])

    def show(self, page: str, note: str, counts: Mapping[str, int]) -> None:
        """Keep the sweep's figures, its best trials in words, and how many trials ended how."""
        self.writer.text(self.run_id, "figures.html", page)
        told = {tags.named(f"trials_{state}"): str(count) for state, count in counts.items()}
        self.writer.log(self.run_id, run_tags={"mlflow.note.content": note, **told})

    def close(self, outcome: str, message: str = "") -> None:
        """End the sweep's run."""
        self.writer.close(self.run_id, outcome, message)


def _goals(loaded: LoadedSweep) -> tuple[str, ...]:
    return tuple(f"objective/{one.metric}" for one in loaded.sweep.objectives)


def _tags(loaded: LoadedSweep) -> dict[str, str]:
    return {
        tags.SWEEP: loaded.study_name,
        "mlflow.source.name": loaded.source,
        "mlflow.source.type": "LOCAL",
        **{tags.named(name): version for name, version in versions(loaded.sweep.sampler).items()},
    }


def _parameters(loaded: LoadedSweep) -> dict[str, str]:
    plain: dict[str, Any] = loaded.sweep.model_dump(mode="json", exclude_defaults=True)
    space = {f"space.{path}": str(one) for path, one in plain["space"].items()}
    goals = {f"objective.{place}": f"{one.way} {one.metric}" for place, one in enumerate(loaded.sweep.objectives)}
    bounds = {f"constraint.{place}": one.said for place, one in enumerate(loaded.sweep.constraints)}
    return {**goals, **bounds, **space, "sampler": loaded.sweep.sampler.kind, "study": loaded.study_name}
