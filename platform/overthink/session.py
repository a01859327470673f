"""The runs and groups that are open in the store while workers train."""

import json
import shutil
import sys
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from overthink.comparison.overthinking import COLUMNS
from overthink.engine.local import Job, LocalEngine, Message
from overthink.links import POLICY_COLUMNS, views
from overthink.material import MAIN
from overthink.outcomes import Options, Outcomes, Watch
from overthink.plan import PlannedRun, run_folder
from overthink.recording.group_recorder import GroupRecorder, place_of
from overthink.recording.run_recorder import ATTEMPTS_FILE, RunRecorder
from overthink.tracking import tags
from overthink.tracking.account import Account
from overthink.tracking.courier import Courier, Undelivered
from overthink.tracking.liveness import BEAT_SECONDS
from overthink.tracking.place import Place, Settled, settle
from overthink.tracking.store import Store, StoreError
from overthink.tracking.uri import state_folder
from overthink.tracking.writer import Writer
from overthink.training.regime import OWN_CHECKPOINT, PARENT_CHECKPOINT

WORKER = (sys.executable, "-m", "overthink.worker")
ONE_RUNS_TROUBLE = (OSError, ValueError, StoreError)
"""What may go wrong while one run is recorded, a full disk or a damaged file, and must leave the others alone."""
ABANDON_SECONDS = 10.0
"""How long an interrupted launch waits for a store that takes nothing."""


class Session:
    """Starts jobs, and hands what workers say to the recorders.

    Nothing is created before a run's data and network are known to be good: a mistake leaves no half-made run behind.
    """

    def __init__(
        self, store: Store, writer: Writer, runs: Sequence[PlannedRun], outcomes: Outcomes, watch: Watch
    ) -> None:
        self._store = store
        self._writer = writer
        self._outcomes = outcomes
        self._watch = watch
        self._courier = Courier(store, writer, watch.noted)
        self._open: dict[str, RunRecorder] = {}
        self._unrecorded: set[str] = set()
        """Keys of runs whose recording failed; what their workers still say is not listened to."""
        self._finished: dict[str, Account] = {}
        """Run key -> the account of a run that this session has finished."""
        self._parents: dict[str, str] = {}
        """Run key -> handle of the run that its first phases come from."""
        self._mains: dict[str, str] = {}
        """Run key of a policy network -> handle of its main network."""
        self._needed: set[str] = set()
        """Keys of runs that others of this session build on."""
        self._worked: set[str] = set()
        """Keys of groups that a run of this session was begun in."""
        self._closing: set[str] = set()
        """Ids of groups that are being put together, or have been."""
        self._members: dict[str, list[PlannedRun]] = {}
        for run in runs:
            self._members.setdefault(run.group.definition.key, []).append(run)

    def train(self, runs: Sequence[PlannedRun], options: Options) -> None:
        """Run the jobs and record what the workers say."""
        by_key = {run.key: run for run in runs}
        waits = {run.key: {need.key for need in (run.parent, run.main) if need and not need.run_id} for run in runs}
        self._needed = set[str]().union(*waits.values())
        first = sorted((run for run in runs if not waits[run.key]), key=lambda run: run.key not in self._needed)
        workers = min(max(options.jobs, 1), len(runs))
        engine = LocalEngine(WORKER, workers, state_folder() / "workers", BEAT_SECONDS)
        with closing(engine.execute(self._jobs(first, options))) as messages:  # the workers end first
            for message in messages:
                if message is not None:
                    self._hear(by_key[message.job.name], message)
                    if message.ends:
                        for job in self._jobs([by_key[key] for key in _freed(waits, message.job.name)], options):
                            engine.add(job)

    def _jobs(self, runs: Sequence[PlannedRun], options: Options) -> list[Job]:
        """Return the jobs of runs that have all they need; the others end here."""
        jobs = []
        for run in runs:
            try:
                jobs.append(self._job(run, options))
            except ONE_RUNS_TROUBLE as error:
                self._ended(run, tags.FAILED, str(error))
                self._watch.said(run, {"event": "failed", "message": str(error)})
        return jobs

    def _job(self, run: PlannedRun, options: Options) -> Job:
        folder = run_folder(run.key)
        if options.force:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._fetch_attempts(run, folder)
        self._fetch_main(run, folder)
        order = {
            "run": json.dumps(run.run.model_dump(mode="json")),
            "folder": str(folder),
            "device": options.device,
            "data_root": str(options.data_root) if options.data_root else None,
            "parent_key": self._fetch_parent(run, folder),
        }
        return Job(run.key, order)

    def _fetch_attempts(self, run: PlannedRun, folder: Path) -> None:
        """Put what the store knows of earlier attempts at a run into its folder, where another machine made them."""
        if run.stored is None or (folder / ATTEMPTS_FILE).exists():
            return
        try:
            self._fetch(run.stored.run_id, tags.PROVENANCE_FILE, folder / ATTEMPTS_FILE)
        except StoreError:  # killed before it was written
            self._store.ask()

    def _fetch_parent(self, run: PlannedRun, folder: Path) -> str | None:
        """Put the checkpoint that a run begins with into its folder; return its key, or None where there is none.

        A checkpoint that the store no longer has costs training those phases again, and nothing else.
        """
        if run.parent is None or (folder / OWN_CHECKPOINT).exists():
            return None
        source = run.parent.run_id or self._finished.get(run.parent.key)
        if source is None:  # it was to be trained first and did not finish: the run trains those phases itself
            return None
        try:
            self._fetch(source, f"checkpoint/{OWN_CHECKPOINT}", folder / PARENT_CHECKPOINT)
        except (OSError, StoreError):
            return None
        self._parents[run.key] = _handle(source)
        return run.parent.key

    def _fetch_main(self, run: PlannedRun, folder: Path) -> None:
        """Put what a policy network learns from into its folder: its main network's predictions, and its checkpoint.

        Raises ValueError where the main network is not trained, StoreError where the store does not have its files.
        """
        if run.main is None:
            return
        source = run.main.run_id or self._finished.get(run.main.key)
        if source is None:
            raise ValueError(
                f"its main network, run {run.main.key}, is not trained: it failed, or another process is at it"
            )
        shutil.rmtree(folder / MAIN, ignore_errors=True)
        (folder / MAIN).mkdir()
        for file in ("predictions/val.parquet", "predictions/test.parquet", f"checkpoint/{OWN_CHECKPOINT}"):
            self._fetch(source, file, folder / MAIN / Path(file).name)
        self._mains[run.key] = _handle(source)

    def _fetch(self, source: Account | str, artifact: str, target: Path) -> None:
        """Bring an artifact of a run here: from the disk, where this session made it, else from the store."""
        kept = source.kept(artifact) if isinstance(source, Account) else None
        if kept is not None:
            shutil.copyfile(kept, target)
            return
        run_id = source.journal.run_id or source.handle if isinstance(source, Account) else source
        with TemporaryDirectory() as temporary:
            shutil.move(self._store.artifact(run_id, artifact, Path(temporary)), target)

    def _hear(self, run: PlannedRun, message: Message) -> None:
        body = message.body
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
            group = run.group.definition.key
            self._worked.add(group)
            recorder = RunRecorder.open(self._courier, run, self._place(group), held=run.key in self._needed)
            self._open[run.key] = recorder
            if run.key in self._parents:
                recorder.descends_from(self._parents[run.key])
            if run.key in self._mains:
                recorder.chooses_for(self._mains[run.key])
        if body["event"] in ("diverged", "failed", "died"):
            body["message"] = body.get("message") or _epitaph(body)
            self._ended(run, tags.DIVERGED if body["event"] == "diverged" else tags.FAILED, body["message"])
        elif run.key in self._open:
            self._open[run.key].hear(body)
        if body["event"] == "finished":
            self._finished[run.key] = self._open[run.key].account
            self._outcomes.add(tags.FINISHED, run)

    def _ended(self, run: PlannedRun, outcome: str, message: str) -> None:
        self._outcomes.add(outcome, run, message)
        if run.key in self._open:
            with suppress(OSError):  # the journal's disk is full; without a process the run counts as interrupted
                self._open[run.key].ended(outcome, message)

    def _place(self, key: str) -> Place:
        first = self._members[key][0].run
        columns = COLUMNS if first.policy is None else POLICY_COLUMNS
        return place_of(self._members[key], views(first.network.blocks, columns))

    def wait(self) -> Undelivered | None:
        """Wait until the store has all that was told, but not for ever; return what it does not have."""
        return self._courier.wait()

    def stop(self) -> None:
        """Stop talking to the store; what it does not have stays on disk."""
        self._courier.stop()

    def abandon(self, outcome: str, message: str) -> None:
        """Close what is open after an interruption, as far as the store still answers."""
        with suppress(*ONE_RUNS_TROUBLE):
            for recorder in self._open.values():
                if not recorder.closing:
                    recorder.ended(outcome, message)
            left = self._courier.wait(ABANDON_SECONDS)
            if left is not None:
                self._watch.noted(f"{left}.")
                return
            for key in self._worked:
                settled = self._courier.settled(self._place(key))
                if settled is not None and settled.group_id not in self._closing:
                    self._writer.close(settled.group_id, outcome, message)

    def close_groups(self, undelivered: Collection[str] = ()) -> None:
        """Aggregate each group that has a run; a group with a run that did not finish ends as failed.

        Groups of runs that the store does not have yet are left to the next call.
        """
        ended = {run.key: outcome for outcome, runs in self._outcomes.runs.items() for run in runs}
        for key, members in self._members.items():
            outcomes = {ended[run.key] for run in members}
            someone_elses = key not in self._worked and "busy" in outcomes
            waits = "undelivered" in outcomes or any(run.key in undelivered for run in members)
            if (key in self._worked or outcomes & {"done", tags.FINISHED}) and not someone_elses and not waits:
                whole = outcomes <= {"done", tags.FINISHED}
                self._close_group(key, tags.FINISHED if whole else tags.FAILED)

    def _close_group(self, key: str, outcome: str) -> None:
        first, place = self._members[key][0], self._place(key)
        settled = self._courier.settled(place)
        try:
            settled = settled or self._settled(key, place)
            self._outcomes.experiment_ids[place.experiment] = settled.experiment_id
            self._closing.add(settled.group_id)
            GroupRecorder(
                self._store, self._writer, key, place.group, first.run, settled.group_id, settled.changed
            ).close(outcome)
        except ONE_RUNS_TROUBLE as error:
            self._outcomes.unaggregated[place.group] = str(error)
            if settled is not None:  # interrupted, so that the next call tries again
                with suppress(StoreError):  # a group without a process counts as interrupted, too
                    self._writer.close(settled.group_id, tags.INTERRUPTED, f"not put together: {error}")

    def _settled(self, key: str, place: Place) -> Settled:
        work = any(run.lock is not None for run in self._members[key])
        return settle(self._store, self._writer, place, work)


def _handle(source: Account | str) -> str:
    return source.handle if isinstance(source, Account) else source


def _freed(waits: dict[str, set[str]], ended: str) -> list[str]:
    """Return the runs that were waiting for one that has ended, and now wait for none."""
    freed = []
    for key, needs in waits.items():
        if ended in needs:
            needs.remove(ended)
            if not needs:
                freed.append(key)
    return freed


def _epitaph(body: dict[str, Any]) -> str:
    code = body["exit_code"]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = body["log"].splitlines()[-1] if body["log"] else ""
    return f"its worker process {how}{': ' + last if last else ''}; the same command goes on from its checkpoint"
