"""What a call has to do: which runs are finished already, which resume from a checkpoint, which are new."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from filelock import FileLock, Timeout

from overthink.definition.experiment import Group, LoadedExperiment
from overthink.definition.loading import main_networks_of, trunks_of
from overthink.definition.run_definition import GroupDefinition, RunDefinition
from overthink.outbox.pending import finished_keys
from overthink.running.pace import RunPace
from overthink.seeds import joined
from overthink.store import tags
from overthink.store.liveness import is_gone, is_this
from overthink.store.run_names import group_name, run_name
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.uri import state_folder
from overthink.study.design import arms_text
from overthink.training.regime import total_epochs

if TYPE_CHECKING:  # both import MLflow, which takes seconds; what is all finished is planned without it
    from overthink.store.claims import Claims
    from overthink.store.client import Store

Action = Literal["train", "resume", "done", "diverged", "busy", "queued"]
TO_DO: tuple[Action, ...] = ("train", "resume")


class Parent(NamedTuple):
    """A run that another one builds on: its first phases, or a training of a policy network's main network."""

    key: str
    run_id: str | None
    """None while it is still to be trained by this very call."""
    phases: int = 0
    """How many of the run's phases it has trained, or will have; of a fork's trunk and a main network 0."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a group, and what is to be done about it."""

    experiment: LoadedExperiment
    group: Group
    run: RunDefinition
    key: str
    action: Action
    stored: StoredRun | None
    """The run in the store that is done, or that is resumed."""
    forced: bool
    """Whether it is trained although a finished run of its key is in the store."""
    lock: FileLock | None
    """Held while this process trains the run; None in a dry run and where there is nothing to do."""
    claims: "Claims | None" = None
    """Holds this process's claim on the run in the store."""
    parent: Parent | None = None
    """Where its first phases, or a fork's first epochs, come from; None where it trains them itself."""
    main: Parent | None = None
    """Of a policy run that is to be trained, the run whose exits it learns to choose."""
    labelled_by: tuple[Parent, ...] = ()
    """Of a policy run that is to be trained, the runs that its labels are averaged over."""
    pace: RunPace | None = None
    """How long its parts take, of a run that is to be trained; None where that is not known."""
    estimated_seconds: float | None = None
    """How long it takes by its pace, once its data are loaded."""
    at_once: int | None = None
    """How many runs of the launch are trained at once; None where that is not known."""

    @property
    def needs(self) -> tuple[Parent, ...]:
        """The runs that have to end before this one is trained."""
        return tuple(need for need in (self.parent, self.main, *self.labelled_by) if need is not None)

    def release(self) -> None:
        """Release the lock and the claim, so that other processes may train the run."""
        if self.claims is not None:
            from overthink.store.errors import StoreError

            with suppress(StoreError):  # it counts no longer once this process has ended
                self.claims.release(self.key)
        if self.lock is not None:
            self.lock.release()

    @property
    def name(self) -> str:
        """A readable name: seeds, variant and definition."""
        return run_name(self.group_name, self.run.seeds.label)

    @property
    def group_key(self) -> tuple[str, str]:
        """What tells its group apart: the key of its definition, and the experiment; several may ask for the same."""
        return self.group.definition.key, self.experiment.experiment.name

    @property
    def group_name(self) -> str:
        """A readable name of its group."""
        return group_name(self.experiment.experiment.name, self.group.variant, self.group.departs)


def run_folder(key: str) -> Path:
    """Return the folder of an unfinished run."""
    return state_folder() / "runs" / key


def plan(
    store: "Store | None",
    experiments: Sequence[LoadedExperiment],
    force: bool = False,
    reuse: bool = True,
    forks: bool = True,
    dry: bool = False,
    claims: "Claims | None" = None,
) -> list[PlannedRun]:
    """Return every run that the experiments ask for, once each, in their order. Unless dry, runs to do are locked.

    With `claims` they are claimed in the store, too, and those that another process has claimed are busy. With
    `reuse`, a run begins where a run of its first phases and its seeds has ended; with `forks`, a fork begins where it
    leaves its trunk, which is planned, too. None stands for a store that does not exist yet.
    """
    planned: dict[str, PlannedRun] = {}
    waiting = finished_keys(store.uri) if store else set()
    mains = [_unfinished(store, of) for experiment in experiments for of in main_networks_of(experiment)]
    trunks = [_unfinished(store, of) for experiment in experiments for of in trunks_of(experiment) if forks]
    for experiment in (*experiments, *mains, *trunks):
        for group in experiment.groups:
            arms_text(group.arms)  # these two raise for too many before anything is trained
            joined(seeds.label for seeds in group.seeds)
            runs = {key: run for run in group.runs if (key := run.key) not in planned}
            locks = {key: None if dry else locked(key) for key in runs}
            known = _known(store, group)
            runs = runs if force else _without_needless_snapshots(runs, known, group.definition.keep)
            free = [key for key in runs if locks[key] and (force or key not in waiting)]
            todo = [key for key in free if _to_do(known, runs[key], force)]
            if store and claims and todo:
                note = experiment.experiment.description
                won = claims.claim(store.experiment(experiment.experiment.name, note), todo)
                known = _known(store, group)  # again: another process may have finished, or begun, one of them
                for key in {*todo} - won:
                    if (lock := locks.pop(key)) is not None:
                        lock.release()
            for key, run in runs.items():
                of_key = [entry for entry in known if entry.run_key == key]
                one = _planned(experiment, group, run, of_key, force, locks.get(key), dry, key in waiting)
                planned[key] = replace(one, claims=claims if one.lock is not None else None)
                if claims and one.lock is None:
                    claims.release(key)
    ready = [_with_main_networks(store, run, planned) for run in planned.values()]
    if forks:
        ready = [replace(run, parent=_trunk(store, run, planned)) for run in ready]
    return [replace(run, parent=run.parent or _parent(store, run, planned)) for run in ready] if reuse else ready


def _known(store: "Store | None", group: Group) -> list[StoredRun]:
    return _found(store, group_key=group.definition.key)


def _found(store: "Store | None", **wanted: str) -> list[StoredRun]:
    if store is None:
        return []
    from overthink.store.reader import find_runs

    return find_runs(store, kind=tags.KIND_RUN, **wanted)


def _to_do(known: Sequence[StoredRun], run: RunDefinition, force: bool) -> bool:
    stands = standing(one for one in known if one.run_key == run.key)
    return _action(stands, force or lacks_snapshots(stands, run), locked_out=False) in TO_DO


def _without_needless_snapshots(
    runs: Mapping[str, RunDefinition], known: Sequence[StoredRun], asked: Sequence[int]
) -> dict[str, RunDefinition]:
    """Return runs by key; of finished trunks, with the snapshots that are asked for or unfinished forks begin with."""
    finished = {run.run_key for run in known if run.is_finished}
    needed: dict[str, set[int]] = {}
    for key, run in runs.items():
        if run.seeds.fork is not None and run.trunk is not None and key not in finished:
            needed.setdefault(run.trunk.key, set()).add(run.seeds.fork.at)
    return {
        key: run.keeping(sorted({*asked, *needed.get(key, ())})) if key in finished and run.keep else run
        for key, run in runs.items()
    }


def lacks_snapshots(stored: StoredRun | None, asked: GroupDefinition) -> bool:
    """Tell whether a finished run has not kept all the snapshots that are asked for, so that it is trained again."""
    return stored is not None and stored.is_finished and not {*asked.keep} <= {*stored.snapshots}


def _unfinished(store: "Store | None", needed: LoadedExperiment) -> LoadedExperiment:
    """Return what other runs need, main networks or trunks, with the seeds at which it is not trained yet."""
    (group,) = needed.groups
    left = tuple(run.seeds for run in group.runs if _finished(store, run) is None)
    return replace(needed, groups=(replace(group, seeds=left),) if left else ())


def _finished(store: "Store | None", run: RunDefinition) -> str | None:
    """Return the id of the finished run of a definition, if there is one, with the snapshots that it asks for."""
    runs = newest_per_key(_found(store, run_key=run.key)).values()
    return next((one.run_id for one in runs if one.is_finished and not lacks_snapshots(one, run)), None)


def _with_main_networks(store: "Store | None", policy: PlannedRun, planned: Mapping[str, PlannedRun]) -> PlannedRun:
    """Return a policy network's run that is to be trained with the trainings of main networks that it needs."""
    main = policy.run.chooses_for
    if main is None or policy.action not in TO_DO:
        return policy

    def needed(run: RunDefinition) -> Parent:
        key = run.key
        to_come = key in planned and planned[key].action in TO_DO
        return Parent(key, None if to_come else _finished(store, run))

    return replace(policy, main=needed(main), labelled_by=tuple(map(needed, policy.run.labelled_by)))


def _trunk(store: "Store | None", fork: PlannedRun, planned: Mapping[str, PlannedRun]) -> Parent | None:
    """Return the trunk of a fork that is to be trained."""
    trunk = fork.run.trunk
    if trunk is None or fork.action not in TO_DO:
        return None
    to_come = (key := trunk.key) in planned and planned[key].action in TO_DO
    return Parent(key, None if to_come else _finished(store, trunk))


def _parent(store: "Store | None", child: PlannedRun, planned: Mapping[str, PlannedRun]) -> Parent | None:
    """Return the run that has trained, or will have trained, the most of a run's first phases.

    All of them, where the run differs in a corruption of its test images alone. A run that keeps snapshots trains the
    epochs before them itself.
    """
    if child.action not in TO_DO:
        return None
    clean = child.run.with_clean_tests
    for n_phases in range(len(clean.regime) - (clean.key == child.key), 0, -1):
        first = clean.model_copy(update={"regime": clean.regime[:n_phases], "keep": ()})
        if child.run.keep and total_epochs(first.regime) >= child.run.keep[0]:
            continue
        if (key := first.key) in planned and planned[key].action in TO_DO:
            return Parent(key, None, n_phases)
        if (run_id := _finished(store, first)) is not None:
            return Parent(key, run_id, n_phases)
    return None


def _planned(
    experiment: LoadedExperiment,
    group: Group,
    run: RunDefinition,
    known: Sequence[StoredRun],
    force: bool,
    lock: FileLock | None,
    dry: bool,
    waits: bool,
) -> PlannedRun:
    key, stands = run.key, standing(known)
    action = _action(stands, force or lacks_snapshots(stands, run), locked_out=lock is None and not dry)
    if waits and action in TO_DO and not force:
        action = "queued"  # its results are on this disk and are uploaded first
    if lock is not None and action not in TO_DO:
        lock.release()
        lock = None
    forced = any(entry.outcome == tags.FINISHED for entry in known)
    return PlannedRun(experiment, group, run, key, action, stands if action != "train" else None, forced, lock)


def standing(known: Iterable[StoredRun]) -> StoredRun | None:
    """Return the run that a key stands at: the finished one, unless a later --force was interrupted and is resumed."""
    runs = sorted(known, key=lambda run: (run.started_ms, run.is_finished))
    if runs and runs[-1].forced and runs[-1].outcome != tags.DIVERGED:
        return runs[-1]
    return next(iter(newest_per_key(runs).values()), None)


def _action(stored: StoredRun | None, force: bool, locked_out: bool) -> Action:
    if locked_out:
        return "busy"
    if stored is None:
        return "train"
    if stored.outcome == tags.RUNNING and not (is_gone(stored.process) or is_this(stored.process)):
        # Without a heartbeat that tells anything (an older version, or a wrong clock) --force decides.
        unknown = stored.process.heartbeat is None or stored.process.is_from_the_future
        return "train" if force and unknown else "busy"
    if force:
        return "train"
    known: dict[str, Action] = {tags.FINISHED: "done", tags.DIVERGED: "diverged"}
    return known.get(stored.outcome, "resume")


def locked(name: str) -> FileLock | None:
    """Return a lock on a run, or a sweep, of this state folder; None where another process has it."""
    folder = state_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock
