"""A worker process: takes orders from a pipe, trains, and sends back what happens, as JSON.

Ends itself when the process that it belongs to is gone, however that ended.
"""

import json
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from filelock import FileLock, Timeout

from overthink.definition.run_definition import parse_run
from overthink.execution.jobs import Order, order_in
from overthink.plugins.modules import name_modules
from overthink.running.events import Diverged, Event, Failed, as_json
from overthink.sentences import cut

LOCK_WAIT_SECONDS = 30
"""A worker whose coordinator was killed releases its run within this time."""


def work(pipe: Connection, log: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Train what is ordered until the pipe is closed; `log` takes whatever is printed."""
    settle(log, folder, environment)
    with suppress(EOFError):
        while True:
            for event in events_of(order_in(pipe.recv_bytes())):
                pipe.send_bytes(json.dumps(as_json(event)).encode())


def settle(log: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Make this process one that works for the process that it belongs to; `log` takes whatever is printed.

    A fork inherits the folder and the environment of the process that it was forked from, so both are given.
    """
    end_with_coordinator()
    with suppress(AttributeError):  # not on Windows
        os.setsid()  # Ctrl-C is the coordinator's to handle
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


def events_of(order: Order) -> Iterator[Event]:
    """Train what an order asks for, and yield what happens; the last event ends it."""
    from overthink.running.run import train  # torch: a fork has it already, and the coordinator never needs it
    from overthink.training.loop import DivergedError

    folder = Path(order.folder)
    data_root = Path(order.data_root) if order.data_root else None
    try:
        name_modules(order.plugins)
        run = parse_run(order.run, "worker")
        with FileLock(folder / "worker.lock", timeout=LOCK_WAIT_SECONDS):
            yield from train(run, folder, order.device, data_root, order.parent_key)
    except Timeout:
        yield Failed(f"another process is training in {folder}")
    except DivergedError as error:
        yield Diverged(str(error))
    except (ValueError, OSError, MemoryError) as error:
        yield _failed(str(error) or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - a defect of ours must reach the person, not only this process's log
        yield _failed(f"{type(error).__name__}: {error}")


def _failed(message: str) -> Failed:
    traceback.print_exc()  # to the log
    return Failed(cut(message.encode(errors="backslashreplace").decode()))  # names of files need not be UTF-8


def end_with_coordinator() -> None:
    """End this process as soon as the one that started it has ended; that is not its parent where it was forked."""
    coordinator = multiprocessing.parent_process()
    assert coordinator is not None

    def wait() -> None:
        coordinator.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
