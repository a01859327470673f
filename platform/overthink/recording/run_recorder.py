"""Recording a run: its start, its epochs as they come, its end."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from overthink.material import EVERYTHING
from overthink.metrics.naming import by_exit
from overthink.plan import PlannedRun, run_folder
from overthink.recording.facts import group_tags, parameters
from overthink.recording.results import results_of
from overthink.tracking import tags
from overthink.tracking.provenance import attempts_of, changed_settings, provenance
from overthink.tracking.reader import run_of
from overthink.tracking.store import Store, StoreError
from overthink.tracking.writer import Writer
from overthink.training.regime import OWN_CHECKPOINT

SPLITS = ("val", "test")
FINAL_METRICS = "test/accuracy/last", "test/policy/accuracy"
"""Of a multi-exit and of a policy network: in the last batch of metrics that a run gets."""
EPOCH_LOSS = "epochs/train_loss"
"""In every epoch's batch of metrics, so its steps tell which epochs are in the store."""


@dataclass
class RunRecorder:
    """Writes one run."""

    store: Store
    writer: Writer
    planned: PlannedRun
    run_id: str
    history: list[dict[str, Any]] = field(default_factory=list)
    mul_adds: tuple[int, ...] = ()
    parameters: tuple[int, ...] = ()
    parent_run_id: str = ""
    main_run_id: str = ""
    closing: bool = False
    """From here on an interruption leaves the run as it is: finished, or to be taken up by the next call."""

    @classmethod
    def open(
        cls, store: Store, writer: Writer, planned: PlannedRun, experiment_id: str, parent_id: str
    ) -> "RunRecorder":
        """Create the run in the store, or take up the one that an earlier process left."""
        if planned.stored is not None:
            writer.revive(planned.stored.run_id)
            writer.log(planned.stored.run_id, run_tags={"mlflow.parentRunId": parent_id})
            return cls(store, writer, planned, planned.stored.run_id)
        run_tags = {
            tags.KIND: tags.KIND_RUN,
            tags.RUN_KEY: planned.key,
            tags.SEEDS: planned.run.seeds.label,
            **({tags.FORCED: "true"} if planned.forced else {}),
            "mlflow.parentRunId": parent_id,
            **group_tags(planned.experiment, planned.group),
        }
        run_id = writer.create(experiment_id, planned.name, run_tags, parameters(planned.run, planned.group.variant))
        writer.text(run_id, tags.DEFINITION_FILE, planned.run.model_dump(mode="json"))
        return cls(store, writer, planned, run_id)

    def descends_from(self, run_id: str) -> None:
        """Say which run trained the first phases."""
        self.parent_run_id = run_id
        self.writer.log(
            self.run_id,
            run_tags={tags.PARENT_RUN: run_id, tags.PARENT_KEY: self.planned.parent.key if self.planned.parent else ""},
        )

    def chooses_for(self, run_id: str) -> None:
        """Say which run is the main network of a policy network."""
        self.main_run_id = run_id
        key = self.planned.main.key if self.planned.main else ""
        self.writer.log(self.run_id, run_tags={tags.MAIN_RUN: run_id, tags.MAIN_KEY: key})

    def _relations(self) -> list[str]:
        """Say in Markdown what other runs this one comes from."""
        said = []
        if self.parent_run_id:
            said.append(f"Its first phases were trained in {self._link(self.parent_run_id)}.")
        if self.main_run_id:
            said.append(f"It chooses exits of {self._link(self.main_run_id)}.")
        return said

    def _link(self, run_id: str) -> str:
        run = run_of(self.store, run_id)
        return f"[run {run_id[:8]}](#/experiments/{run.experiment_id}/runs/{run_id})"

    def _tell_main(self) -> None:
        """Add this run to those that the main network's run links to."""
        main = run_of(self.store, self.main_run_id)
        known = main.tags.get(tags.POLICY_RUNS, "").split()
        if self.run_id not in known:
            note = main.tags.get("mlflow.note.content", "")
            said = f"{note}\n\nA policy network that chooses its exits: {self._link(self.run_id)}."
            told = {tags.POLICY_RUNS: " ".join([*known, self.run_id]), "mlflow.note.content": said}
            self.writer.log(main.run_id, run_tags=told)

    def hear(self, body: dict[str, Any]) -> None:
        """Record one of the moments that a worker reports."""
        match body["event"]:
            case "started":
                self.started(body)
            case "epoch":
                self.epoch({key: value for key, value in body.items() if key not in ("event", "ends")})
            case "finished":
                self.finished()

    def started(self, event: dict[str, Any]) -> None:
        """Record the data, the network and the provenance, and epochs that the store has not heard of."""
        self.mul_adds, self.parameters = tuple(event["mul_adds"]), tuple(event["parameters"])
        source = self.planned.run.dataset.model_dump(mode="json")
        self.writer.dataset(self.run_id, event["dataset"], event["digest"], source)
        self._provenance(event)
        known = self.writer.logged_steps(self.run_id, EPOCH_LOSS)
        for record in event["history"]:
            if record["epoch"] in known:
                self.history.append(record)
            else:
                self.epoch(record)

    def _provenance(self, event: dict[str, Any]) -> None:
        """Add this attempt to those before it; where its settings differ from theirs, the run says so."""
        earlier = self._earlier_attempts()
        attempt = {"epochs_before": len(event["history"]), **provenance(event["settings"])}
        self.writer.text(self.run_id, tags.PROVENANCE_FILE, {"attempts": [*earlier, attempt]})
        if earlier and event["history"] and (changes := changed_settings(earlier[-1], attempt)):
            event["warning"] = f"it went on under other conditions, so its bits are a mixture: {changes}"
            self.writer.log(self.run_id, run_tags={tags.MIXED: changes})

    def _earlier_attempts(self) -> list[dict[str, Any]]:
        if self.planned.stored is None:
            return []
        with TemporaryDirectory() as folder:
            try:
                return attempts_of(self.store.artifact(self.run_id, tags.PROVENANCE_FILE, Path(folder)).read_text())
            except (StoreError, OSError, ValueError):  # killed before it was written
                return []

    def epoch(self, record: Mapping[str, Any]) -> None:
        """Record one epoch's curves."""
        self.history.append(dict(record))
        self.writer.log(self.run_id, epoch_metrics(record), step=record["epoch"])

    def finished(self) -> None:
        """Record predictions, metrics, pictures and checkpoint; then the run's folder is no longer needed."""
        run, folder = self.planned.run, run_folder(self.planned.key)
        network: dict[str, float] = {}
        network |= by_exit("network/mul_adds", self.mul_adds) | by_exit("network/parameters", self.parameters)
        results = results_of(run, self.planned.name, folder, self.history, network)
        splits = ("val", "test") if run.policy is None else ("val", "test", EVERYTHING)
        self.writer.artifacts(self.run_id, [folder / f"{split}.parquet" for split in splits], "predictions")
        self.writer.artifacts(self.run_id, [folder / OWN_CHECKPOINT], "checkpoint")
        self.writer.text(self.run_id, "figures.html", results.page)
        cut_off_after_metrics = self.writer.logged_steps(self.run_id, FINAL_METRICS[run.policy is not None])
        if not cut_off_after_metrics:
            self.writer.log(self.run_id, results.metrics, step=len(self.history))
        note = "\n\n".join([results.note, *self._relations()])
        self.writer.log(self.run_id, run_tags={"mlflow.note.content": note})
        if self.main_run_id:
            self._tell_main()
        self.closing = True
        self.writer.close(self.run_id, tags.FINISHED)
        shutil.rmtree(folder)

    def ended(self, outcome: str, message: str) -> None:
        """Record that the run stopped short. Its folder stays: a later call goes on from there."""
        self.writer.close(self.run_id, outcome, message)


def epoch_metrics(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of one epoch, named so that MLflow draws a chart a section."""
    metrics = {
        EPOCH_LOSS: record["train_loss"],
        "epochs/learning_rate": record["lr"],
        "epochs/images_per_second": record["images_per_second"],
    }
    for series in ("train_accuracy", "val_accuracy", "val_loss"):
        for number, value in enumerate(record[series], start=1):
            metrics[f"epochs/{series}/exit_{number}"] = value
    return metrics
