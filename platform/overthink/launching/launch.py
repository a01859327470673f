"""Launching experiments: plan, train side by side, record, aggregate. Calling it twice trains nothing twice."""

import time
from collections.abc import Sequence

from overthink.definition.experiment import LoadedExperiment
from overthink.execution.jobs import EngineError
from overthink.launching.engines import check_engine
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.launching.plan import TO_DO, plan
from overthink.launching.session import Session
from overthink.launching.sync import deliver
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.liveness import is_gone
from overthink.store.reader import search
from overthink.store.writer import Writer


def launch(
    store: Store, experiments: Sequence[LoadedExperiment], options: Options, watch: ProgressListener
) -> Outcomes:
    """Bring every run that the experiments ask for to its end, and aggregate each group over its seeds.

    A run that fails, diverges or is killed is recorded as such and leaves the others alone. Interrupted, it closes what
    is open as interrupted and raises on; a later call goes on from the checkpoints.
    """
    check_engine(options, store.uri)
    started, waited = time.perf_counter(), store.seconds
    writer, outcomes = Writer(store), Outcomes()
    for sentence in deliver(store, writer).sentences():
        watch.on_message(sentence)
    mark_abandoned_as_interrupted(store, writer)
    runs = plan(store, experiments, options.force, options.reuse)
    watch.on_plan(runs)
    session = Session(store, writer, runs, outcomes, watch)
    try:
        session.train([run for run in runs if run.action in TO_DO], options)
        outcomes.undelivered = session.wait()
        for run in runs:
            if run.action not in TO_DO:
                outcomes.add(run.action, run, run.stored.tags.get(tags.MESSAGE, "") if run.stored else "")
        session.groups.close_all(outcomes.undelivered.runs if outcomes.undelivered else ())
    except BaseException as error:
        session.abandon(*ending_by(error))
        raise
    finally:
        session.leave()
        for run in runs:
            run.release()
    outcomes.seconds, outcomes.tracking_seconds = time.perf_counter() - started, store.seconds - waited
    return outcomes


def ending_by(error: BaseException) -> tuple[str, str]:
    """Return the outcome of what an error has cut short, and why."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return tags.INTERRUPTED, "interrupted by a signal"
    if isinstance(error, EngineError):
        return tags.INTERRUPTED, str(error)
    return tags.FAILED, str(error) or type(error).__name__


def mark_abandoned_as_interrupted(store: Store, writer: Writer) -> int:
    """Close runs and groups that nobody is at any more as interrupted; return how many there were."""
    abandoned = [
        run
        for run in search(store, "attributes.status = 'RUNNING'")
        if run.tags.keys() & {tags.KIND, tags.SWEEP} and is_gone(run.tags)
    ]
    for run in abandoned:
        writer.close(
            run.run_id,
            tags.INTERRUPTED,
            "its process ended without a word; the same command goes on from here",
        )
    return len(abandoned)
