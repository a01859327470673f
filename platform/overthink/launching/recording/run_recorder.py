"""Recording a run: its start, its epochs as they come, its end."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overthink.launching.plan import PlannedRun, run_folder
from overthink.launching.recording.checkpoint_copies import CheckpointCopies
from overthink.launching.recording.facts import parameters
from overthink.metrics.naming import by_exit
from overthink.outbox.run_logger import RunLogger, RunStart
from overthink.outbox.sender import OutboxSender
from overthink.outbox.uploader import id_of, link_to
from overthink.report.run_results import results_of
from overthink.running.provenance import attempts_of, changed_settings, provenance
from overthink.running.run_data import EVERYTHING
from overthink.store import tags
from overthink.store.group_spec import GroupSpec
from overthink.training.regime import OWN_CHECKPOINT

SPLITS = ("val", "test")
FINAL_METRICS = "test/accuracy/last", "test/policy/accuracy"
"""Of a multi-exit and of a policy network: in the last batch of metrics that a run gets."""
EPOCH_LOSS = "epochs/train_loss"
"""In every epoch's batch of metrics, so its steps tell which epochs are in the store."""
ATTEMPTS_FILE = "attempts.json"
"""In a run's folder: what `provenance.json` says of the attempts so far."""


@dataclass
class RunRecorder:
    """Tells of one run. From the moment it is opened it needs nothing of the store."""

    account: RunLogger
    planned: PlannedRun
    history: list[dict[str, Any]] = field(default_factory=list)
    mul_adds: tuple[int, ...] = ()
    parameters: tuple[int, ...] = ()
    parent: str = ""
    main: str = ""
    """Handles of the run that trained its first phases, and of a policy network's main network."""
    again: bool = False
    """Whether an earlier attempt may have told what this one tells."""
    copies: CheckpointCopies | None = None
    """Of the checkpoint, where the store is one that other machines reach."""
    closing: bool = False
    """From here on an interruption leaves the run as it is: ended, or to be taken up by the next call."""

    @classmethod
    def open(cls, courier: OutboxSender, planned: PlannedRun, place: GroupSpec, held: bool = False) -> "RunRecorder":
        """Begin the run, or take up the one that an earlier process left; `held` keeps its files for this launch."""
        run_tags = {
            tags.KIND: tags.KIND_RUN,
            tags.RUN_KEY: planned.key,
            tags.SEEDS: planned.run.seeds.label,
            **({tags.FORCED: "true"} if planned.forced else {}),
            **place.tags,
        }
        params = parameters(planned.run, planned.group.variant)
        known = planned.stored.run_id if planned.stored is not None else None
        account = courier.begin(RunStart(place, planned.key, planned.name, run_tags, params, known), held)
        if known is None:
            account.text(tags.DEFINITION_FILE, planned.run.model_dump(mode="json"))
        copies = CheckpointCopies(account) if courier.is_shared else None
        return cls(account, planned, again=known is not None, copies=copies)

    def descends_from(self, handle: str) -> None:
        """Say which run trained the first phases."""
        self.parent = handle
        key = self.planned.parent.key if self.planned.parent else ""
        self.account.log(run_tags={tags.PARENT_RUN: id_of(handle), tags.PARENT_KEY: key})

    def chooses_for(self, handle: str) -> None:
        """Say which run is the main network of a policy network."""
        self.main = handle
        key = self.planned.main.key if self.planned.main else ""
        self.account.log(run_tags={tags.MAIN_RUN: id_of(handle), tags.MAIN_KEY: key})

    def _relations(self) -> list[str]:
        """Say in Markdown what other runs this one comes from."""
        said = []
        if self.parent:
            said.append(f"Its first phases were trained in {link_to(self.parent)}.")
        if self.main:
            said.append(f"It chooses exits of {link_to(self.main)}.")
        return said

    def hear(self, body: dict[str, Any]) -> None:
        """Record one of the moments that a worker reports."""
        match body["event"]:
            case "started":
                self.started(body)
            case "epoch":
                self.epoch({key: value for key, value in body.items() if key not in ("event", "ends")})
                if self.copies is not None:
                    self.copies.send(run_folder(self.planned.key))
            case "lost":
                self.again = True
            case "finished":
                self.finished()

    def started(self, event: dict[str, Any]) -> None:
        """Record the data, the network and the provenance, and epochs that the store has not heard of."""
        self.mul_adds, self.parameters = tuple(event["mul_adds"]), tuple(event["parameters"])
        source = self.planned.run.dataset.model_dump(mode="json")
        self.account.dataset(event["dataset"], event["digest"], source)
        self._provenance(event)
        self.again |= bool(event["history"])  # an earlier attempt has told these, or was killed before it did
        self.history.clear()
        for record in event["history"]:
            self.epoch(record)

    def _provenance(self, event: dict[str, Any]) -> None:
        """Add this attempt to those before it; where its settings differ from theirs, the run says so."""
        file = run_folder(self.planned.key) / ATTEMPTS_FILE
        earlier = _attempts_in(file)
        attempt = {"epochs_before": len(event["history"]), **provenance(event["settings"], event.get("there"))}
        attempts = {"attempts": [*earlier, attempt]}
        file.write_text(json.dumps(attempts))
        self.account.text(tags.PROVENANCE_FILE, attempts)
        if earlier and event["history"] and (changes := changed_settings(earlier[-1], attempt)):
            event["warning"] = f"it went on under other conditions, so its bits are a mixture: {changes}"
            self.account.log(run_tags={tags.MIXED: changes})

    def epoch(self, record: Mapping[str, Any]) -> None:
        """Record one epoch's curves; those of an epoch that an earlier attempt has told stay as they are."""
        self.history.append(dict(record))
        marker = EPOCH_LOSS if self.again else None
        self.account.log(epoch_metrics(record), record["epoch"], unless_there=marker)

    def finished(self) -> None:
        """Record predictions, metrics, pictures and checkpoint; then the run's folder is no longer needed."""
        run, folder = self.planned.run, run_folder(self.planned.key)
        network: dict[str, float] = {}
        network |= by_exit("network/mul_adds", self.mul_adds) | by_exit("network/parameters", self.parameters)
        results = results_of(run, self.planned.name, folder, self.history, network)
        splits = ("val", "test") if run.policy is None else ("val", "test", EVERYTHING)
        self.account.artifacts([folder / f"{split}.parquet" for split in splits], "predictions")
        self.account.artifacts([folder / OWN_CHECKPOINT], "checkpoint")
        self.account.text("figures.html", results.page)
        # An attempt may have been cut off after it had told them.
        marker = FINAL_METRICS[run.policy is not None] if self.again else None
        self.account.log(results.metrics, len(self.history), unless_there=marker)
        note = "\n\n".join([results.note, *self._relations()])
        self.account.log(run_tags={"mlflow.note.content": note})
        if self.main:
            said = f"A policy network that chooses its exits: {link_to(self.account.handle)}."
            self.account.mention(self.main, tags.POLICY_RUNS, said)
        self.closing = True
        self.account.close(tags.FINISHED)
        shutil.rmtree(folder, ignore_errors=True)

    def ended(self, outcome: str, message: str) -> None:
        """Record, once, that the run stopped short. Its folder stays: a later call goes on from there."""
        if not self.closing:
            self.closing = True
            self.account.close(outcome, message)


def _attempts_in(file: Path) -> list[dict[str, Any]]:
    try:
        return attempts_of(file.read_text())
    except (OSError, ValueError):  # the first attempt, or one that was killed before it was written
        return []


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
