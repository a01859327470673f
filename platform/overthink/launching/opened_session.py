"""Opening a session on a store, and closing it in order, whatever happens; shared by launches and sweeps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from overthink.execution.jobs import Engine, EngineError
from overthink.launching.engines import check_engine, engine_for
from overthink.launching.groups import Groups
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.launching.recording.run_inputs import RunInputs
from overthink.launching.session import Session
from overthink.launching.sync import deliver, mark_abandoned_as_interrupted
from overthink.outbox.sender import OutboxSender
from overthink.store import tags
from overthink.store.claims import Claims
from overthink.store.client import Store
from overthink.store.writer import Writer


@contextmanager
def opened_session(
    store: Store,
    options: Options,
    listener: ProgressListener,
    engine: Engine | None = None,
    goals: Sequence[str] = (),
) -> Iterator[Session]:
    """Give a session on a store that is ready for it: earlier results uploaded, abandoned runs marked.

    `goals` are metrics that the tables of the runs' experiments open with. On an error or a signal, what is open is
    closed in the store with the outcome that fits, and the error is raised on. Locks are released in any case.
    """
    check_engine(options, store.uri)
    writer = Writer(store)
    for sentence in deliver(store, writer).sentences():
        listener.on_message(sentence)
    mark_abandoned_as_interrupted(store, writer, options.force)
    sender, outcomes = OutboxSender(store, writer, listener.on_message), Outcomes()
    groups = Groups(store, writer, sender, outcomes, goals)
    engine = engine or engine_for(options, listener.on_message)
    session = Session(engine, sender, groups, RunInputs(store), options, listener, outcomes, Claims(store))
    try:
        yield session
    except BaseException as error:
        session.abandon(*outcome_of_error(error))
        raise
    finally:
        session.close()


def outcome_of_error(error: BaseException) -> tuple[str, str]:
    """Return the outcome of runs that an error interrupts, and a message."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return tags.INTERRUPTED, "interrupted by a signal"
    if isinstance(error, EngineError):
        return tags.INTERRUPTED, str(error)
    return tags.FAILED, str(error) or type(error).__name__
