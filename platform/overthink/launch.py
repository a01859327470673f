"""Launching experiments: plan, train side by side, record, aggregate. Calling it twice trains nothing twice."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from overthink.definition.experiment import LoadedExperiment
from overthink.engine.local import Job, LocalEngine, Message
from overthink.links import views
from overthink.plan import TO_DO, PlannedRun, plan, run_folder, state_folder
from overthink.recorder import GroupRecorder, RunRecorder
from overthink.tracking import tags
from overthink.tracking.liveness import is_gone
from overthink.tracking.reader import search
from overthink.tracking.store import Store, StoreError
from overthink.tracking.writer import Writer

WORKER = (sys.executable, "-m", "overthink.worker")


@dataclass(frozen=True)
class Options:
    """How to run what a definition asks for; none of it changes a result."""

    jobs: int = 1
    device: str = "auto"
    data_root: Path | None = None
    force: bool = False


class Watch(Protocol):
    """Somebody who is told how it goes."""

    def planned(self, runs: Sequence[PlannedRun]) -> None:
        """Hear once what there is to do."""

    def said(self, run: PlannedRun, body: dict[str, Any]) -> None:
        """Hear each message about a run: started, epoch, finished, diverged, failed, died."""


@dataclass
class Outcomes:
    """How a launch went: runs by outcome, and what it took."""

    runs: dict[str, list[PlannedRun]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    """Run key -> why it did not finish."""
    experiment_ids: dict[str, str] = field(default_factory=dict)
    """Definition name -> MLflow experiment id."""
    seconds: float = 0.0
    tracking_seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every run asked for is finished."""
        return not any(runs for outcome, runs in self.runs.items() if outcome not in (tags.FINISHED, "done"))

    def add(self, outcome: str, run: PlannedRun, message: str = "") -> None:
        """Count a run."""
        self.runs.setdefault(outcome, []).append(run)
        if message:
            self.messages[run.key] = message


def launch(store: Store, experiments: Sequence[LoadedExperiment], options: Options, watch: Watch) -> Outcomes:
    """Bring every run that the experiments ask for to its end, and aggregate each group over its seeds.

    A run that fails, diverges or is killed is recorded as such and leaves the others alone. Interrupted, it closes what
    is open as interrupted and raises on; a later call goes on from the checkpoints.
    """
    started = time.perf_counter()
    writer, outcomes = Writer(store), Outcomes()
    reap(store, writer)
    runs = plan(store, experiments, options.force)
    watch.planned(runs)
    session = _Session(store, writer, runs, outcomes, watch)
    try:
        session.train([run for run in runs if run.action in TO_DO], options)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        why = "interrupted by a signal" if interrupted else str(error) or type(error).__name__
        session.abandon(tags.INTERRUPTED if interrupted else tags.FAILED, why)
        raise
    finally:
        for run in runs:
            if run.lock is not None:
                run.lock.release()
    for run in runs:
        if run.action not in TO_DO:
            outcomes.add(run.action, run, run.stored.tags.get(tags.MESSAGE, "") if run.stored else "")
    session.close_groups()
    outcomes.seconds, outcomes.tracking_seconds = time.perf_counter() - started, writer.seconds
    return outcomes


def reap(store: Store, writer: Writer) -> int:
    """Close runs and groups whose process on this machine is gone as interrupted; return how many there were."""
    abandoned = [
        run
        for run in search(store, "attributes.status = 'RUNNING'")
        if tags.KIND in run.tags and is_gone(run.tags.get(tags.HOST, ""), run.tags.get(tags.PROCESS, ""))
    ]
    for run in abandoned:
        writer.close(
            run.run_id,
            tags.INTERRUPTED,
            "its process ended without a word; the same command goes on from here",
        )
    return len(abandoned)


class _Session:
    """The runs and groups that are open in the store while workers train.

    Nothing is created before a run's data and network are known to be good: a mistake leaves no half-made run behind.
    """

    def __init__(
        self, store: Store, writer: Writer, runs: Sequence[PlannedRun], outcomes: Outcomes, watch: Watch
    ) -> None:
        self._store = store
        self._writer = writer
        self._outcomes = outcomes
        self._watch = watch
        self._open: dict[str, RunRecorder] = {}
        self._groups: dict[str, GroupRecorder] = {}
        self._members: dict[str, list[PlannedRun]] = {}
        for run in runs:
            self._members.setdefault(run.group.definition.key, []).append(run)

    def train(self, runs: Sequence[PlannedRun], options: Options) -> None:
        """Run the jobs and record what the workers say."""
        by_key = {run.key: run for run in runs}
        jobs = [_job(run, options) for run in runs]
        engine = LocalEngine(WORKER, max(options.jobs, 1), state_folder() / "workers")
        with closing(engine.execute(jobs)) as messages:  # however this ends, the workers end first
            for message in messages:
                self._hear(by_key[message.job.name], message)

    def _hear(self, run: PlannedRun, message: Message) -> None:
        body = message.body
        recorder = self._open.get(run.key)
        if recorder is None and (body["event"] == "started" or run.stored is not None):
            group = self._group(run.group.definition.key)
            recorder = RunRecorder.open(self._writer, run, group.experiment_id, group.run_id)
            self._open[run.key] = recorder
        if body["event"] in ("diverged", "failed", "died"):
            self._ended(run, recorder, body)
        elif recorder is not None:
            recorder.hear(body)
        if body["event"] == "finished":
            self._outcomes.add(tags.FINISHED, run)
        if message.ends:
            self._open.pop(run.key, None)
        self._watch.said(run, body)

    def _ended(self, run: PlannedRun, recorder: RunRecorder | None, body: dict[str, Any]) -> None:
        outcome = tags.DIVERGED if body["event"] == "diverged" else tags.FAILED
        body["message"] = body.get("message") or _epitaph(body)
        if recorder is not None:
            recorder.ended(outcome, body["message"])
        self._outcomes.add(outcome, run, body["message"])

    def _group(self, key: str) -> GroupRecorder:
        if key not in self._groups:
            members = self._members[key]
            experiment = members[0].experiment.experiment
            experiment_id = self._store.experiment(experiment.name, experiment.description)
            self._store.offer_views(experiment_id, views(members[0].run.network.blocks))
            self._outcomes.experiment_ids[experiment.name] = experiment_id
            self._groups[key] = GroupRecorder.open(self._store, self._writer, members, experiment_id)
        return self._groups[key]

    def abandon(self, outcome: str, message: str) -> None:
        """Close what is open after an interruption, as far as the store still answers."""
        with suppress(StoreError):
            for recorder in self._open.values():
                recorder.ended(outcome, message)
            for group in self._groups.values():
                if group.changed:
                    self._writer.close(group.run_id, outcome, message)

    def close_groups(self) -> None:
        """Aggregate each group that has a run; a group with a run that did not finish ends as failed."""
        ended = {run.key: outcome for outcome, runs in self._outcomes.runs.items() for run in runs}
        for key, members in self._members.items():
            outcomes = {ended[run.key] for run in members}
            someone_elses = key not in self._groups and "busy" in outcomes
            if (key in self._groups or outcomes & {"done", tags.FINISHED}) and not someone_elses:
                whole = outcomes <= {"done", tags.FINISHED}
                self._group(key).close(tags.FINISHED if whole else tags.FAILED)


def _job(run: PlannedRun, options: Options) -> Job:
    folder = run_folder(run.key)
    if options.force:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return Job(
        run.key,
        {
            "run": json.dumps(run.run.model_dump(mode="json")),
            "folder": str(folder),
            "device": options.device,
            "data_root": str(options.data_root) if options.data_root else None,
        },
    )


def _epitaph(body: dict[str, Any]) -> str:
    code = body["exit_code"]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = body["log"].splitlines()[-1] if body["log"] else ""
    return f"its worker process {how}{': ' + last if last else ''}; the same command goes on from its checkpoint"
