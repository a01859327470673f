"""Running a sweep, or resuming one: its study, its run in the store, its trials, its results."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from overthink.definition.loading import main_networks_of
from overthink.execution.jobs import Engine
from overthink.launching.engines import check_engine, with_jobs
from overthink.launching.estimating.disk_needed import lacking_room
from overthink.launching.kernels_choice import KernelsChoice
from overthink.launching.launch import launch
from overthink.launching.opened_session import opened_session, outcome_of_error
from overthink.launching.outcomes import Options
from overthink.launching.preflight import check_machine
from overthink.store import tags
from overthink.store.client import Store
from overthink.sweep.ask_tell import AskTell
from overthink.sweep.changed_data import changed_data
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.kernels import with_kernels
from overthink.sweep.page import sweep_page
from overthink.sweep.results import Results, results_of, trials_left
from overthink.sweep.space import corners
from overthink.sweep.storage import alone, opened, wait_for_server
from overthink.sweep.summary import sweep_note
from overthink.sweep.sweep_recorder import SweepRecorder
from overthink.sweep.trial_reporter import TrialListener
from overthink.sweep.trials import Trials
from overthink.sweep.trials_needed import TrialsNeeded, trials_needed


@dataclass
class Swept:
    """The result of a call."""

    loaded: LoadedSweep
    """The sweep with the kernels that trained it."""
    results: Results
    run_id: str
    experiment_id: str
    ended: dict[str, int] = field(default_factory=dict)
    """Outcome -> number of trials that ended in this call."""
    stop_reason: str = ""
    seconds: float = 0.0
    tracking_seconds: float = 0.0
    estimated: float | None = None
    """Seconds that all of it was estimated to take, where that was asked for."""


def sweep(
    loaded: LoadedSweep,
    store: Store,
    storage_uri: str,
    options: Options,
    listener: TrialListener,
    engine: Engine | None = None,
) -> Swept:
    """Run trials until the sweep has as many as it asks for; the call after an interruption resumes its open trials.

    Without an `engine`, the one that the options name executes the runs.
    """
    check_engine(options, store.uri)
    options = with_jobs(options)
    started, waited = time.perf_counter(), store.seconds
    with ExitStack() as stack:
        storage = stack.enter_context(opened(storage_uri))
        wait_for_server(storage, listener.on_message)
        loaded = with_kernels(loaded, storage, KernelsChoice(options, store, listener.on_message))
        is_alone = stack.enter_context(alone(storage_uri, loaded.study_name))
        study = AskTell(loaded, storage, is_alone)
        for sentence in changed_data(loaded, store, options.data_root):
            listener.on_message(f"{sentence}.")
        estimating = time.perf_counter()
        needed = _needed(loaded, study, store, options, listener) if engine is None else None
        started += time.perf_counter() - estimating
        options = replace(options, estimate=False)  # that of main networks is part of it
        _train_main_networks(loaded, store, options, listener, engine)
        trials = Trials(loaded, study, store, options, listener, needed)
        with opened_session(store, options, trials.events, engine, loaded.sweep.goals) as session:
            recorder = SweepRecorder.open(store, session.writer, loaded)
            try:
                reporter = trials.run(session, recorder)
            except BaseException as error:
                recorder.close(*outcome_of_error(error))
                raise
            finally:
                trials.release()
            found = _shown(loaded, study, recorder)
            recorder.close(tags.FAILED if reporter.stop_reason else tags.FINISHED, reporter.stop_reason)
    return Swept(
        loaded,
        found,
        recorder.run_id,
        recorder.experiment_id,
        dict(reporter.outcomes),
        reporter.stop_reason,
        time.perf_counter() - started,
        store.seconds - waited,
        needed.seconds if needed is not None else None,
    )


def _shown(loaded: LoadedSweep, study: AskTell, recorder: SweepRecorder) -> Results:
    """Store the sweep's page and note, again where another process has ended a trial meanwhile; return the results."""
    while True:
        found = results_of(loaded, study.study)
        note = sweep_note(loaded, found, recorder.experiment_id, recorder.run_id)
        recorder.show(sweep_page(loaded, study.study, found), note, found.counts)
        if results_of(loaded, study.study).counts == found.counts:
            return found


def _needed(
    loaded: LoadedSweep, study: AskTell, store: Store, options: Options, listener: TrialListener
) -> TrialsNeeded | None:
    """Return an estimate if the options ask for one, and say it; raise ValueError where the disk has too little."""
    if not options.estimate:
        return None
    left = trials_left(loaded, results_of(loaded, study.study))
    needed = trials_needed(loaded, left, store, store.uri, options, listener.on_message)
    if needed is not None:
        for sentence in needed.sentences:
            listener.on_message(sentence)
        check_machine(lacking_room(needed.disk, store.uri))
    return needed


def _train_main_networks(
    loaded: LoadedSweep, store: Store, options: Options, listener: TrialListener, engine: Engine | None
) -> None:
    """Train the main networks of early-exit data sets, if the sweep trains nothing else."""
    if loaded.base.policy is None or loaded.sweep.trains:
        return
    if loaded.sweep.needs_labels:
        first = loaded.at(next(corners(loaded.sweep.space)), "trial-0")
        launch(store, main_networks_of(first), options, listener, engine)
