"""Launching experiments: plan, train in parallel, record, aggregate. Calling it twice trains nothing twice."""

import time
from collections.abc import Sequence

from overthink.definition.experiment import LoadedExperiment
from overthink.execution.jobs import Engine
from overthink.launching.changed_data import changed_data
from overthink.launching.estimating.disk_needed import disk_needed, lacking_room
from overthink.launching.estimating.estimate import estimated
from overthink.launching.estimating.time_needed import time_needed
from overthink.launching.gpu_sharing import takes_turns
from overthink.launching.kernels_choice import KernelsChoice
from overthink.launching.opened_session import opened_session
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.launching.plan import plan
from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.launching.preflight import check_machine, obstacles
from overthink.launching.session import Session
from overthink.metrics.catalogue import plugged_metrics
from overthink.store.client import Store


def launch(
    store: Store,
    experiments: Sequence[LoadedExperiment],
    options: Options,
    listener: ProgressListener,
    engine: Engine | None = None,
) -> Outcomes:
    """Bring every run that the experiments ask for to its end, and aggregate each group over its seeds.

    A run that fails, diverges or is killed is recorded as such and leaves the others alone. Interrupted, it closes what
    is open as interrupted and raises on; a later call resumes from the checkpoints. Without an `engine`, the one that
    the options name executes the runs. Raises StoreError, before any of this, where an experiment's artifacts would
    not lie where the server keeps them, and ValueError where this machine lacks what runs that are to do need.
    """
    plugged_metrics()  # one that cannot be imported is an error now, not after the training
    if engine is None:
        check_machine(obstacles(experiments, options, store.uri))
    store.check_places({loaded.experiment.name for loaded in experiments})
    started, waited = time.perf_counter(), store.seconds
    with opened_session(store, options, listener, engine) as session:
        experiments = KernelsChoice(options, store, listener.on_message).experiments(experiments)
        runs = plan(store, experiments, options.force, options.reuse, claims=session.claims)
        session.add(runs)
        estimating = time.perf_counter()
        runs = estimated(runs, store.uri, options, listener.on_message)
        started += time.perf_counter() - estimating
        if options.estimate and engine is None:
            check_machine(lacking_room(disk_needed(runs, options.models), store.uri))
        listener.on_plan(runs)
        if turns := takes_turns(options, [run.run for run in runs if run.action in TO_DO]):
            listener.on_message(turns)
        for sentence in changed_data(runs, options.data_root):
            listener.on_message(f"{sentence}.")
        outcomes = brought_to_end(session, runs)
        outcomes.seconds = time.perf_counter() - started
        needed = time_needed(runs, options.jobs)
        outcomes.estimated = needed.seconds if needed is not None and needed.known == needed.runs else None
        outcomes.tracking_seconds = store.seconds - waited
        return outcomes


def brought_to_end(session: Session, runs: Sequence[PlannedRun]) -> Outcomes:
    """Train what is to be trained of a session's runs, record it, aggregate the groups, and return the outcomes."""
    session.train([run for run in runs if run.action in TO_DO])
    for run in runs:
        if run.action not in TO_DO:
            session.outcomes.add(run.action, run, run.stored.message if run.stored else "")
    session.finish()
    return session.outcomes
