"""Recording a run: its start, its epochs as they come, its end."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overthink.atomic_file import atomic_write
from overthink.launching.planned_run import PlannedRun, run_folder
from overthink.launching.recording.checkpoint_copies import CheckpointCopies
from overthink.launching.recording.facts import expected, kernel_tags, network_tags, parameters, place_of
from overthink.metrics.naming import by_exit
from overthink.outbox.handles import id_of, link_to, pages_of
from overthink.outbox.run_logger import RunLogger, RunStart
from overthink.outbox.sender import OutboxSender
from overthink.predictions.course import COURSE_FILE
from overthink.report.run_colours import run_colour
from overthink.report.run_results import results_of
from overthink.running.events import Event, Finished, Lost, Started
from overthink.running.provenance import attempts_of, changed_settings, provenance
from overthink.running.run_files import EVERYTHING
from overthink.store import tags
from overthink.store.group_spec import GroupSpec
from overthink.store.liveness import NO_PROCESS
from overthink.training.epoch_record import EpochRecord
from overthink.training.regime import OWN_CHECKPOINT, SNAPSHOTS, snapshot_name

SPLITS = ("val", "test")
FINAL_METRICS = "test/accuracy/last", "test/policy/accuracy"
"""Of a multi-exit and of a policy network: in the last batch of metrics that a run gets."""
EPOCH_LOSS = "epochs/train_loss"
"""In every epoch's batch of metrics, so its steps are those of the epochs in the store."""
ATTEMPTS_FILE = "attempts.json"
"""In a run's folder: what `provenance.json` holds: the attempts so far."""


@dataclass
class RunRecorder:
    """Logs one run. From the moment it is opened it needs no answer from the store."""

    logger: RunLogger
    planned: PlannedRun
    history: list[EpochRecord] = field(default_factory=list)
    parameters: tuple[int, ...] = ()
    parent: str = ""
    main: str = ""
    """Handles of the run that trained its first phases, and of a policy network's main network."""
    labelled_by: tuple[str, ...] = ()
    """Handles of the runs that a policy network's labels are averaged over."""
    snapshots: list[int] = field(default_factory=list)
    """Epochs after which there are snapshots in the store."""
    again: bool = False
    """Whether an earlier attempt may have logged what this one logs."""
    copies: CheckpointCopies | None = None
    """Of the checkpoint, where other machines reach the store."""
    closing: bool = False
    """From here on an interruption leaves the run as it is: ended, or to be resumed by the next call."""

    @classmethod
    def open(cls, sender: OutboxSender, planned: PlannedRun, group: GroupSpec, held: bool = False) -> "RunRecorder":
        """Begin the run, or resume the one of an earlier process; `held` keeps its files for this session."""
        run_tags = {
            tags.KIND: tags.KIND_RUN,
            tags.RUN_KEY: planned.key,
            tags.SEEDS: planned.run.seeds.label,
            **({tags.FORCED: "true"} if planned.forced else {}),
            **expected(planned),
            tags.RUN_COLOUR: run_colour(place_of(planned.experiment, planned.group), planned.run.seeds.label),
            **group.tags,
        }
        params = parameters(planned.run, planned.group.variant)
        known, before, snapshots = None, NO_PROCESS, []
        if planned.stored is not None:
            known, before, snapshots = planned.stored.run_id, planned.stored.process, [*planned.stored.snapshots]
        resolved = planned.run.model_dump(mode="json")
        start = RunStart(
            group, planned.key, planned.name, run_tags, params, known, before, resolved, planned.newest_ms + 1
        )
        logger = sender.begin(start, held)
        copies = CheckpointCopies(logger) if sender.is_shared else None
        return cls(logger, planned, snapshots=snapshots, again=known is not None, copies=copies)

    def link_parent(self, handle: str) -> None:
        """Log which run trained the first phases."""
        self.parent = handle
        key = self.planned.parent.key if self.planned.parent else ""
        self.logger.log(run_tags={tags.PARENT_RUN: id_of(handle), tags.PARENT_KEY: key})

    def link_main(self, handle: str) -> None:
        """Log which run is the main network of a policy network."""
        self.main = handle
        key = self.planned.main.key if self.planned.main else ""
        self.logger.log(run_tags={tags.MAIN_RUN: id_of(handle), tags.MAIN_KEY: key})

    def link_labels(self, handles: tuple[str, ...]) -> None:
        """Log which runs the labels of a policy network are averaged over."""
        self.labelled_by = handles
        self.logger.log(run_tags={tags.LABELLED_BY: " ".join(map(id_of, handles))})

    def record(self, event: Event) -> str | None:
        """Record what a worker reports; return a warning, if there is one."""
        match event:
            case Started():
                return self._started(event)
            case EpochRecord():
                self._epoch(event)
                self._snapshot(event.epoch)
                if self.copies is not None:
                    self.copies.send(run_folder(self.planned.key))
            case Lost():
                self.again = True
            case Finished():
                self._finished()
        return None

    def ended(self, outcome: str, message: str) -> None:
        """Record, once, that the run stopped short. Its folder stays: a later call resumes from it."""
        if not self.closing:
            self.closing = True
            self.logger.close(outcome, message)

    def _started(self, event: Started) -> str | None:
        """Record the data, the network and the provenance, and epochs that the store does not have."""
        self.parameters = event.parameters
        self.logger.log(run_tags=network_tags(event.mul_adds, event.parameters))
        source = self.planned.run.dataset.model_dump(mode="json")
        self.logger.dataset(event.dataset, event.digest, source)
        warning = self._provenance(event)
        self.again |= bool(event.history)  # an earlier attempt has logged these, or was killed before it did
        self.history.clear()
        for record in event.history:
            self._epoch(record)
            if record.epoch not in self.snapshots:
                self._snapshot(record.epoch)
        return warning

    def _provenance(self, event: Started) -> str | None:
        """Add this attempt to those before it; return a warning where its settings differ from theirs."""
        file = run_folder(self.planned.key) / ATTEMPTS_FILE
        earlier = _attempts_in(file)
        attempt = {"epochs_before": len(event.history), **provenance(event.settings, event.environment)}
        attempts = {"attempts": [*earlier, attempt]}
        with atomic_write(file) as unfinished:
            unfinished.write_text(json.dumps(attempts), encoding="utf-8")
        self.logger.text(tags.PROVENANCE_FILE, attempts)
        self.logger.log(run_tags=kernel_tags([*earlier, attempt] if event.history else [attempt]))
        if earlier and event.history and (changes := changed_settings(earlier[-1], attempt)):
            self.logger.log(run_tags={tags.MIXED: changes})
            return f"resumed in a different environment, so it is not bit-reproducible: {changes}"
        return None

    def _epoch(self, record: EpochRecord) -> None:
        """Record one epoch's curves; those of an epoch that an earlier attempt has logged stay as they are."""
        self.history.append(record)
        marker = EPOCH_LOSS if self.again else None
        self.logger.log(epoch_metrics(record), record.epoch, unless_there=marker)

    def _snapshot(self, epoch: int) -> None:
        """Record the snapshot after an epoch, if there is one, and that the run has it."""
        file = run_folder(self.planned.key) / snapshot_name(epoch)
        if epoch in self.planned.run.keep and file.exists():
            self.logger.artifacts([file], SNAPSHOTS)
            self.snapshots.append(epoch)
            self.logger.log(run_tags={tags.SNAPSHOTS: " ".join(map(str, self.snapshots))})

    def _finished(self) -> None:
        """Record predictions, metrics, pictures and checkpoint; the run's folder stays until all is uploaded."""
        run, folder = self.planned.run, run_folder(self.planned.key)
        results = results_of(run, self.planned.name, folder, self.history, self.parameters)
        splits = ("val", "test") if run.policy is None else ("val", "test", EVERYTHING)
        self.logger.artifacts([folder / f"{split}.parquet" for split in splits], "predictions")
        self.logger.artifacts([folder / OWN_CHECKPOINT], "checkpoint")
        if run.record is not None:
            self.logger.artifacts([folder / COURSE_FILE], "predictions")
        self.logger.text(tags.FIGURES_PAGE, results.page)
        # An attempt may have been cut off after it had logged them.
        marker = FINAL_METRICS[run.policy is not None] if self.again else None
        self.logger.log(results.metrics, len(self.history), unless_there=marker)
        note = "\n\n".join([results.note, pages_of(self.logger.handle), *self._relations()])
        self.logger.log(run_tags={tags.MLFLOW_NOTE: note})
        if self.main:
            text = f"A policy network that chooses its exits: {link_to(self.logger.handle)}."
            self.logger.link(self.main, tags.POLICY_RUNS, text)
        self.closing = True
        self.logger.close(tags.FINISHED)
        self.logger.keep_folder(folder)

    def _relations(self) -> list[str]:
        """Return in Markdown which other runs this one builds on, and what is special about how it was computed."""
        relations = ["Trained by native kernels."] if self.planned.run.kernels == "native" else []
        if self.parent and (fork := self.planned.run.seeds.fork):
            relations.append(
                f"Its first epochs, {fork.at}, are those of {link_to(self.parent)}, of which it is a fork."
            )
        elif self.parent:
            what = "Its network was" if self.planned.run.dataset.corruption else "Its first phases were"
            relations.append(f"{what} trained in {link_to(self.parent)}.")
        if self.main:
            relations.append(f"It chooses exits of {link_to(self.main)}.")
        if self.labelled_by:
            relations.append(f"Its labels are averaged over {', '.join(map(link_to, self.labelled_by))}.")
        return relations


def _attempts_in(file: Path) -> list[dict[str, Any]]:
    try:
        return attempts_of(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the first attempt, or one that was killed before it was written
        return []


def epoch_metrics(record: EpochRecord) -> dict[str, float]:
    """Return the metrics of one epoch. Everything before a name's last `/` is its chart section in MLflow.

    Networks of one exit, and epochs that an earlier version trained, have no overthinking.
    """
    of_exits = {
        "epochs/overthinking/val_any_later": record.val_overthinking,
        "epochs/overthinking/val_final": record.val_final_overthinking,
        "epochs/val_accuracy/oracle": record.val_oracle,
    }
    return {
        EPOCH_LOSS: record.train_loss,
        "epochs/learning_rate": record.lr,
        "epochs/images_per_second": record.images_per_second,
        **by_exit("epochs/train_accuracy", record.train_accuracy),
        **by_exit("epochs/val_accuracy", record.val_accuracy),
        "epochs/val_accuracy/last": record.val_accuracy[-1],
        **by_exit("epochs/val_loss", record.val_loss),
        "epochs/val_loss/last": record.val_loss[-1],
        **{name: value for name, value in of_exits.items() if value is not None and len(record.val_accuracy) > 1},
        **by_exit("epochs/gradient_dominance", record.gradient_dominance),
    }
