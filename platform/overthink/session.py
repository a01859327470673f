"""The runs and groups that are open in the store while workers train."""

import json
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from overthink.engine.local import Job, LocalEngine, Message
from overthink.links import columns_of, views
from overthink.material import MAIN
from overthink.outcomes import Options, Outcomes, Watch
from overthink.plan import PlannedRun, run_folder, state_folder
from overthink.recording.group_recorder import GroupRecorder
from overthink.recording.run_recorder import RunRecorder
from overthink.tracking import tags
from overthink.tracking.liveness import BEAT_SECONDS
from overthink.tracking.store import Store, StoreError
from overthink.tracking.writer import Writer
from overthink.training.regime import OWN_CHECKPOINT, PARENT_CHECKPOINT

WORKER = (sys.executable, "-m", "overthink.worker")
ONE_RUNS_TROUBLE = (OSError, ValueError, StoreError)
"""What may go wrong while one run is recorded, a full disk or a damaged file, and must leave the others alone."""

ENDED_EARLY = {"diverged": tags.DIVERGED, "failed": tags.FAILED, "died": tags.FAILED, "pruned": tags.PRUNED}
"""What workers say of a run that did not finish -> its outcome."""


class Supply(Protocol):
    """Somebody who has more to train as runs end."""

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return what to train now that a run has ended."""

    def beat(self) -> None:
        """Hear every minute that the session is alive."""


class NothingMore:
    """A supply for who trains what was asked for at the start."""

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return nothing."""
        return ()

    def beat(self) -> None:
        """Do nothing."""


class Session:
    """Starts jobs, and hands what workers say to the recorders.

    Nothing is created before a run's data and network are known to be good: a mistake leaves no half-made run behind.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        runs: Sequence[PlannedRun],
        outcomes: Outcomes,
        watch: Watch,
        goals: Sequence[str] = (),
    ) -> None:
        """Take up runs; `goals` are metrics that their experiments' tables open with."""
        self._store = store
        self._writer = writer
        self._outcomes = outcomes
        self._watch = watch
        self._goals = goals
        self._open: dict[str, RunRecorder] = {}
        self._unrecorded: set[str] = set()
        """Keys of runs whose recording failed; what their workers still say is not listened to."""
        self._finished: dict[str, str] = {}
        """Run key -> MLflow run id of the runs that this session has finished."""
        self._parents: dict[str, str] = {}
        """Run key -> MLflow run id of the run that its first phases come from."""
        self._mains: dict[str, str] = {}
        """Run key of a policy network -> MLflow run id of its main network."""
        self._groups: dict[str, GroupRecorder] = {}
        self._members: dict[str, list[PlannedRun]] = {}
        self._last_beat = time.monotonic()
        self._runs: dict[str, PlannedRun] = {}
        self._waits: dict[str, set[str]] = {}
        """Key of a run that is to be trained -> the keys of those that it waits for."""
        self._stopped: dict[str, str] = {}
        """Key of a run that was stopped -> why."""
        self.enlist(runs)

    def enlist(self, runs: Sequence[PlannedRun]) -> None:
        """Count runs among the members of their groups."""
        for run in runs:
            self._members.setdefault(run.group.definition.key, []).append(run)

    def train(self, runs: Sequence[PlannedRun], options: Options, supply: Supply = NothingMore()) -> None:  # noqa: B008
        """Run the jobs and record what the workers say; at each run's end, the supply says what to train next."""
        self._supply = supply
        self._engine = engine = LocalEngine(WORKER, max(options.jobs, 1), state_folder() / "workers", BEAT_SECONDS)
        with closing(engine.execute(self._jobs(self._ready(runs), options))) as messages:  # the workers end first
            for message in messages:
                if message is not None:
                    run = self._runs[message.job.name]
                    self._hear(run, message)
                    if message.ends:
                        for job in self._jobs(self._after(run), options):
                            engine.add(job)
                self._beat()

    def is_at(self, key: str) -> bool:
        """Tell whether this session is training the run of a key, or is going to."""
        return key in self._waits

    def run_id_of(self, run: PlannedRun) -> str | None:
        """Return the MLflow run id of a run that this session has finished."""
        return self._finished.get(run.key)

    def stop(self, run: PlannedRun, why: str) -> None:
        """End a run that is being trained as pruned; its checkpoint stays, for whoever asks for all of it."""
        self._stopped[run.key] = why
        self._engine.stop(run.key)

    def _ready(self, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Take up runs; return those that wait for no other one, the ones that others wait for first."""
        self._runs |= {run.key: run for run in runs}
        self._waits |= {run.key: set[str]() for run in runs}
        for run in runs:  # for what this session is at; what others are at is as good as not there
            needs = {need.key for need in (run.parent, run.main) if need and not need.run_id}
            self._waits[run.key] = needs & self._waits.keys()
        needed = set[str]().union(*self._waits.values())
        return sorted((run for run in runs if not self._waits[run.key]), key=lambda run: run.key not in needed)

    def _after(self, ended: PlannedRun) -> list[PlannedRun]:
        """Return what can be trained now that a run has ended: runs that waited for it, and more."""
        del self._waits[ended.key]
        freed = [key for key, needs in self._waits.items() if ended.key in needs]
        for key in freed:
            self._waits[key].remove(ended.key)
        return [self._runs[key] for key in freed if not self._waits[key]] + self._ready(self._supply.after(ended))

    def _jobs(self, runs: Iterable[PlannedRun], options: Options) -> list[Job]:
        """Return the jobs of runs that have all they need; the others end here, and make way for what comes after."""
        jobs, left = [], deque(runs)
        while left:
            run = left.popleft()
            try:
                jobs.append(self._job(run, options))
            except ONE_RUNS_TROUBLE as error:
                self._ended(run, tags.FAILED, str(error))
                self._watch.said(run, {"event": "failed", "message": str(error)})
                left.extend(self._after(run))
        return jobs

    def _job(self, run: PlannedRun, options: Options) -> Job:
        folder = run_folder(run.key)
        if options.force:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._fetch_main(run, folder)
        order = {
            "run": json.dumps(run.run.model_dump(mode="json")),
            "folder": str(folder),
            "device": options.device,
            "data_root": str(options.data_root) if options.data_root else None,
            "parent_key": self._fetch_parent(run, folder),
        }
        return Job(run.key, order)

    def _fetch_parent(self, run: PlannedRun, folder: Path) -> str | None:
        """Put the checkpoint that a run begins with into its folder; return its key, or None where there is none.

        A checkpoint that the store no longer has costs training those phases again, and nothing else.
        """
        if run.parent is None or (folder / OWN_CHECKPOINT).exists():
            return None
        run_id = run.parent.run_id or self._finished.get(run.parent.key)
        if run_id is None:  # it was to be trained first and did not finish: the run trains those phases itself
            return None
        try:
            with TemporaryDirectory() as temporary:
                fetched = self._store.artifact(run_id, f"checkpoint/{OWN_CHECKPOINT}", Path(temporary))
                shutil.move(fetched, folder / PARENT_CHECKPOINT)
        except (OSError, StoreError):
            return None
        self._parents[run.key] = run_id
        return run.parent.key

    def _fetch_main(self, run: PlannedRun, folder: Path) -> None:
        """Put what a policy network learns from into its folder: its main network's predictions, and its checkpoint.

        Raises ValueError where the main network is not trained, StoreError where the store does not have its files.
        """
        if run.main is None:
            return
        run_id = run.main.run_id or self._finished.get(run.main.key)
        if run_id is None:
            raise ValueError(
                f"its main network, run {run.main.key}, is not trained: it failed, or another process is at it"
            )
        shutil.rmtree(folder / MAIN, ignore_errors=True)
        (folder / MAIN).mkdir()
        for file in ("predictions/val.parquet", "predictions/test.parquet", f"checkpoint/{OWN_CHECKPOINT}"):
            with TemporaryDirectory() as temporary:
                fetched = self._store.artifact(run_id, file, Path(temporary))
                shutil.move(fetched, folder / MAIN / Path(file).name)
        self._mains[run.key] = run_id

    def _hear(self, run: PlannedRun, message: Message) -> None:
        body = message.body
        if body["event"] == "died" and run.key in self._stopped:
            body = {"event": "pruned", "message": self._stopped[run.key]}
        if run.key not in self._unrecorded:
            try:
                self._record(run, body)
            except ONE_RUNS_TROUBLE as error:
                self._unrecorded.add(run.key)
                body = {"event": "failed", "message": f"it could not be recorded: {error}"}
                self._ended(run, tags.FAILED, body["message"])
            self._watch.said(run, body)
        if message.ends:
            self._open.pop(run.key, None)

    def _record(self, run: PlannedRun, body: dict[str, Any]) -> None:
        if run.key not in self._open and (body["event"] == "started" or run.stored is not None):
            group = self._group(run.group.definition.key)
            recorder = RunRecorder.open(self._store, self._writer, run, group.experiment_id, group.run_id)
            self._open[run.key] = recorder
            if run.key in self._parents:
                recorder.descends_from(self._parents[run.key])
            if run.key in self._mains:
                recorder.chooses_for(self._mains[run.key])
        if body["event"] in ENDED_EARLY:
            body["message"] = body.get("message") or _epitaph(body)
            self._ended(run, ENDED_EARLY[body["event"]], body["message"])
        elif run.key in self._open:
            self._open[run.key].hear(body)
        if body["event"] == "finished":
            self._finished[run.key] = self._open[run.key].run_id
            self._outcomes.add(tags.FINISHED, run)

    def _ended(self, run: PlannedRun, outcome: str, message: str) -> None:
        if run.key in self._open:
            self._open[run.key].ended(outcome, message)
        self._outcomes.add(outcome, run, message)

    def _beat(self) -> None:
        if time.monotonic() - self._last_beat >= BEAT_SECONDS:
            self._last_beat = time.monotonic()
            groups = [group.run_id for group in self._groups.values() if group.changed]
            self._supply.beat()
            with suppress(StoreError):  # the next one may reach it again
                self._writer.beat([*(run.run_id for run in self._open.values()), *groups])

    def _group(self, key: str) -> GroupRecorder:
        if key not in self._groups:
            members = self._members[key]
            experiment = members[0].experiment.experiment
            experiment_id = self._store.experiment(experiment.name, experiment.description)
            run = members[0].run
            self._store.offer_views(experiment_id, views(run.network.blocks, columns_of(run, self._goals)))
            self._outcomes.experiment_ids[experiment.name] = experiment_id
            self._groups[key] = GroupRecorder.open(self._store, self._writer, members, experiment_id)
        return self._groups[key]

    def abandon(self, outcome: str, message: str) -> None:
        """Close what is open after an interruption, as far as the store still answers."""
        with suppress(StoreError):
            for recorder in self._open.values():
                if not recorder.closing:
                    recorder.ended(outcome, message)
            for group in self._groups.values():
                if group.changed and not group.closing:
                    self._writer.close(group.run_id, outcome, message)

    def close_groups(self) -> None:
        """Aggregate each group that has a run; a group with a run that did not finish ends as failed."""
        for key in list(self._members):
            self.close_group(key)

    def close_group(self, key: str, outcome: str | None = None) -> str | None:
        """Aggregate a group whose runs have all ended, if one of them is finished or was begun; return its run's id.

        Without an `outcome` the group ends as its runs have.
        """
        members = self._members[key]
        outcomes = {self._outcomes.of(run.key) for run in members}
        someone_elses = key not in self._groups and "busy" in outcomes
        if (key in self._groups or outcomes & {"done", tags.FINISHED}) and not someone_elses:
            self._close_group(key, members[0].group_name, outcome or _outcome_of_group(outcomes))
        del self._members[key]
        group = self._groups.pop(key, None)
        return group.run_id if group else None

    def _close_group(self, key: str, name: str, outcome: str) -> None:
        try:
            self._group(key).close(outcome)
        except ONE_RUNS_TROUBLE as error:
            self._outcomes.unaggregated[name] = str(error)
            if key in self._groups:  # interrupted, so that the next call tries again
                self._writer.close(self._groups[key].run_id, tags.INTERRUPTED, f"not put together: {error}")


def _outcome_of_group(outcomes: set[str]) -> str:
    """Return what a group ends as: finished where all its runs are, pruned where nothing worse happened to one."""
    unfinished = outcomes - {"done", tags.FINISHED}
    if not unfinished:
        return tags.FINISHED
    return tags.PRUNED if unfinished == {tags.PRUNED} else tags.FAILED


def _epitaph(body: dict[str, Any]) -> str:
    code = body["exit_code"]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = body["log"].splitlines()[-1] if body["log"] else ""
    return f"its worker process {how}{': ' + last if last else ''}; the same command goes on from its checkpoint"
