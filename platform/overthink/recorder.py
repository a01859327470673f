"""What each moment of a run becomes in the store."""

import getpass
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from overthink.comparison.estimate import estimate
from overthink.definition.experiment import Group, LoadedExperiment, RunDefinition, summary
from overthink.metrics.catalogue import compute
from overthink.plan import PlannedRun, run_folder
from overthink.predictions import Predictions
from overthink.report.notes import group_note, run_note
from overthink.report.run_page import group_page, run_page
from overthink.tracking import tags
from overthink.tracking.provenance import provenance
from overthink.tracking.reader import find_runs
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun, newest_per_key
from overthink.tracking.writer import Writer

SPLITS = ("val", "test")
FINAL_METRIC = "test/accuracy/last"
EPOCH_LOSS = "epochs/train_loss"
"""In every epoch's batch of metrics, so its steps tell which epochs are in the store."""


@dataclass
class RunRecorder:
    """Writes one run: its start, its epochs as they come, its end."""

    writer: Writer
    planned: PlannedRun
    run_id: str
    history: list[dict[str, Any]]
    mul_adds: tuple[int, ...] = ()
    parameters: tuple[int, ...] = ()

    @classmethod
    def open(cls, writer: Writer, planned: PlannedRun, experiment_id: str, parent_id: str) -> "RunRecorder":
        """Create the run in the store, or take up the one that an earlier process left."""
        if planned.stored is not None:
            writer.revive(planned.stored.run_id)
            writer.log(planned.stored.run_id, run_tags={"mlflow.parentRunId": parent_id})
            return cls(writer, planned, planned.stored.run_id, [])
        run_tags = {
            tags.KIND: tags.KIND_RUN,
            tags.RUN_KEY: planned.key,
            tags.SEEDS: planned.run.seeds.label,
            "mlflow.parentRunId": parent_id,
            **group_tags(planned.experiment, planned.group),
        }
        run_id = writer.create(experiment_id, planned.name, run_tags, parameters(planned.run, planned.group.variant))
        writer.text(run_id, tags.DEFINITION_FILE, planned.run.model_dump(mode="json"))
        return cls(writer, planned, run_id, [])

    def hear(self, body: Mapping[str, Any]) -> None:
        """Record one of the moments that a worker reports."""
        match body["event"]:
            case "started":
                self.started(body)
            case "epoch":
                self.epoch({key: value for key, value in body.items() if key not in ("event", "ends")})
            case "finished":
                self.finished()

    def started(self, event: Mapping[str, Any]) -> None:
        """Record the data, the network and the provenance, and epochs that the store has not heard of."""
        self.mul_adds, self.parameters = tuple(event["mul_adds"]), tuple(event["parameters"])
        source = self.planned.run.dataset.model_dump(mode="json")
        self.writer.dataset(self.run_id, event["dataset"], event["digest"], source)
        self.writer.text(self.run_id, tags.PROVENANCE_FILE, provenance(event["settings"]))
        known = self.writer.logged_steps(self.run_id, EPOCH_LOSS)
        for record in event["history"]:
            if record["epoch"] in known:
                self.history.append(record)
            else:
                self.epoch(record)

    def epoch(self, record: Mapping[str, Any]) -> None:
        """Record one epoch's curves."""
        self.history.append(dict(record))
        self.writer.log(self.run_id, epoch_metrics(record), step=record["epoch"])

    def finished(self) -> None:
        """Record predictions, metrics, pictures and checkpoint; then the run's folder is no longer needed."""
        folder = run_folder(self.planned.key)
        predictions = {split: Predictions.read(folder / f"{split}.parquet") for split in SPLITS}
        metrics = {f"{split}/{name}": value for split in SPLITS for name, value in compute(predictions[split]).items()}
        for number, (cost, count) in enumerate(zip(self.mul_adds, self.parameters, strict=True), start=1):
            metrics[f"network/mul_adds/exit_{number}"] = cost
            metrics[f"network/parameters/exit_{number}"] = count
        self.writer.artifacts(self.run_id, [folder / f"{split}.parquet" for split in SPLITS], "predictions")
        self.writer.artifacts(self.run_id, [folder / "checkpoint.safetensors"], "checkpoint")
        self.writer.text(self.run_id, "figures.html", run_page(self.planned.name, predictions["test"], self.history))
        cut_off_after_metrics = self.writer.logged_steps(self.run_id, FINAL_METRIC)
        if not cut_off_after_metrics:
            self.writer.log(self.run_id, metrics, step=len(self.history))
        self.writer.log(self.run_id, run_tags={"mlflow.note.content": run_note(metrics, self.mul_adds)})
        self.writer.close(self.run_id, tags.FINISHED)
        shutil.rmtree(folder)

    def ended(self, outcome: str, message: str) -> None:
        """Record that the run stopped short. Its folder stays: a later call goes on from there."""
        self.writer.close(self.run_id, outcome, message)


@dataclass
class GroupRecorder:
    """Writes the parent run of a group: what its seeds say together."""

    store: Store
    writer: Writer
    experiment: LoadedExperiment
    group: Group
    experiment_id: str
    run_id: str
    changed: bool
    """Whether there is anything new to aggregate."""

    @classmethod
    def open(cls, store: Store, writer: Writer, planned: Sequence[PlannedRun], experiment_id: str) -> "GroupRecorder":
        """Create the group in the store, or take up the one that is there, with the seeds that are now asked for."""
        experiment, group = planned[0].experiment, planned[0].group
        wanted = {
            "kind": tags.KIND_GROUP,
            "group_key": group.definition.key,
            "definition": experiment.experiment.name,
        }
        there = find_runs(store, **wanted)
        asked = [seeds.label for seeds in group.seeds]
        work = any(run.lock is not None for run in planned)
        if not there:
            group_run_tags = {
                tags.KIND: tags.KIND_GROUP,
                tags.SEEDS: _seed_labels(asked),
                **group_tags(experiment, group),
            }
            params = parameters(group.definition, group.variant)
            run_id = writer.create(experiment_id, planned[0].group_name, group_run_tags, params)
            return cls(store, writer, experiment, group, experiment_id, run_id, changed=True)
        known = there[0].tags.get(tags.SEEDS, "").split()
        seeds = _seed_labels(list(dict.fromkeys([*known, *asked])))
        changed = work or seeds != there[0].tags.get(tags.SEEDS) or there[0].outcome != tags.FINISHED
        if changed:
            writer.revive(there[0].run_id)
            writer.log(there[0].run_id, run_tags={tags.SEEDS: seeds, **group_tags(experiment, group)})
        return cls(store, writer, experiment, group, experiment_id, there[0].run_id, changed)

    def close(self, outcome: str = tags.FINISHED) -> None:
        """Aggregate the group's finished runs over seeds and end the group."""
        if not self.changed:
            return
        stored = find_runs(self.store, kind=tags.KIND_RUN, group_key=self.group.definition.key)
        runs = [run for run in newest_per_key(stored).values() if run.outcome == tags.FINISHED]
        if runs:
            metrics = aggregates(runs)
            step = max(self.writer.logged_steps(self.run_id, "seeds/n"), default=0) + 1
            self.writer.log(self.run_id, metrics, step)
            self.writer.log(self.run_id, run_tags={"mlflow.note.content": group_note(runs)})
            test = self._test_predictions(runs)
            self.writer.text(self.run_id, "figures.html", group_page(self._name, test))
        self.writer.close(self.run_id, outcome)

    @property
    def _name(self) -> str:
        return f"{self.experiment.experiment.name}: {self.group.variant}"

    def _test_predictions(self, runs: Sequence[StoredRun]) -> list[Predictions]:
        with TemporaryDirectory() as folder:
            files = [self.store.artifact(run.run_id, "predictions/test.parquet", Path(folder)) for run in runs]
            return [Predictions.read(file) for file in files]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"


def group_tags(experiment: LoadedExperiment, group: Group) -> dict[str, str]:
    """Return the tags that runs and their group share."""
    reported = [entry.model_dump(mode="json") for entry in group.reported]
    return {
        tags.GROUP_KEY: group.definition.key,
        tags.DEFINITION: experiment.experiment.name,
        tags.VARIANT: group.variant,
        tags.REPORTED: json.dumps(reported),
        "mlflow.source.name": experiment.source,
        "mlflow.source.type": "LOCAL",
        "mlflow.user": _user(),
        **{f"overthink.{name}": value for name, value in summary(group.definition).items()},
    }


def parameters(definition: Any, variant: str) -> dict[str, str]:
    """Return a definition as flat parameters: `network.growth`, `regime.0.epochs`, `seeds.order`."""
    flat: dict[str, str] = {"variant": variant, **summary(definition)}
    if isinstance(definition, RunDefinition):
        flat["seed"] = definition.seeds.label
    _flatten("", definition.model_dump(mode="json"), flat)
    return flat


def _flatten(path: str, value: Any, flat: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{path}.{key}" if path else key, inner, flat)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            _flatten(f"{path}.{number}", inner, flat)
    elif path not in flat:
        flat[path] = value if isinstance(value, str) else json.dumps(value)


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


def aggregates(runs: Sequence[StoredRun]) -> dict[str, float]:
    """Return the mean over seeds under each metric's own name, its deviation under `seeds_std/`, and `seeds/n`."""
    names = [name for name in runs[0].metrics if name.split("/")[0] in (*SPLITS, "network")]
    estimates = {
        name: estimate([run.metrics[name] for run in runs])
        for name in names
        if all(name in run.metrics for run in runs)
    }
    deviations = {f"seeds_std/{name}": value.std for name, value in estimates.items() if value.std is not None}
    numbers = {"seeds/n": len(runs), **{name: value.mean for name, value in estimates.items()}, **deviations}
    return {name: round(value, 6) for name, value in numbers.items()}  # the UI shows every digit there is


def _seed_labels(labels: Sequence[str]) -> str:
    text = " ".join(labels)
    if len(text) > 8000:
        raise ValueError(f"{len(labels)} seeds are more than the store can name for one group")
    return text
