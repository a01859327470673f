"""What a call has to do: which runs are finished already, which resume from a checkpoint, which are new."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from filelock import FileLock

from overthink.definition.experiment import Group, LoadedExperiment
from overthink.definition.loading import main_networks_of, trunks_of
from overthink.definition.run_definition import RunDefinition
from overthink.launching.known_runs import counting_run, finished_id, lacks_snapshots, stored_with
from overthink.launching.parents import parent_of, trunk_of, with_main_networks
from overthink.launching.planned_run import TO_DO, Action, PlannedRun
from overthink.outbox.pending import finished_keys
from overthink.seeds import joined
from overthink.store import tags
from overthink.store.claims import Claims
from overthink.store.liveness import is_gone, is_this
from overthink.store.readable_store import ReadableStore
from overthink.store.run_lock import locked
from overthink.store.stored import StoredRun
from overthink.study.design import arms_text


def plan(
    store: ReadableStore | None,
    experiments: Sequence[LoadedExperiment],
    force: bool = False,
    reuse: bool = True,
    forks: bool = True,
    dry: bool = False,
    claims: Claims | None = None,
) -> list[PlannedRun]:
    """Return every run that the experiments ask for, once each, in their order. Unless dry, runs to do are locked.

    With `claims` they are claimed in the store, too, and those that another process has claimed are busy. With
    `reuse`, a run begins where a run of its first phases and its seeds has ended; with `forks`, a fork begins where it
    leaves its trunk, which is planned, too. None counting for a store that does not exist yet.
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
                won = claims.claim(claims.store.experiment(experiment.experiment.name, note), todo)
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
    ready = [with_main_networks(store, run, planned) for run in planned.values()]
    if forks:
        ready = [replace(run, parent=trunk_of(store, run, planned)) for run in ready]
    return [replace(run, parent=run.parent or parent_of(store, run, planned)) for run in ready] if reuse else ready


def _known(store: ReadableStore | None, group: Group) -> list[StoredRun]:
    return stored_with(store, group_key=group.definition.key)


def _to_do(known: Sequence[StoredRun], run: RunDefinition, force: bool) -> bool:
    counting = counting_run(one for one in known if one.run_key == run.key)
    return _action(counting, force or lacks_snapshots(counting, run), locked_out=False) in TO_DO


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


def _unfinished(store: ReadableStore | None, needed: LoadedExperiment) -> LoadedExperiment:
    """Return what other runs need, main networks or trunks, with the seeds at which it is not trained yet."""
    (group,) = needed.groups
    left = tuple(run.seeds for run in group.runs if finished_id(store, run) is None)
    return replace(needed, groups=(replace(group, seeds=left),) if left else ())


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
    key, counting = run.key, counting_run(known)
    action = _action(counting, force or lacks_snapshots(counting, run), locked_out=lock is None and not dry)
    if waits and action in TO_DO and not force:
        action = "queued"  # its results are on this disk and are uploaded first
    if lock is not None and action not in TO_DO:
        lock.release()
        lock = None
    forced = any(entry.outcome == tags.FINISHED for entry in known)
    newest = max((entry.started_ms for entry in known), default=0)
    return PlannedRun(
        experiment, group, run, key, action, counting if action != "train" else None, forced, lock, newest
    )


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
