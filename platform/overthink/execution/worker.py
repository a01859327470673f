"""A worker process: reads runs to train from its standard input, a line each, and reports on its standard output.

Ends itself when the process that started it is gone, however that ended.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from overthink.definition.run_definition import parse_run
from overthink.running.run import Finished, Started, train
from overthink.training.loop import DivergedError, EpochRecord

ORPHAN_CHECK_SECONDS = 0.5
LOCK_WAIT_SECONDS = 30
"""An orphan of a killed coordinator lets go of its run within this time."""


def main() -> None:
    """Serve until the standard input ends."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not look like a report
    for line in sys.stdin:
        for report in answers(json.loads(line)):
            _send(reports, report)


def answers(order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Train what an order asks for, and yield a report for each moment of it; the last one has `ends`."""
    folder = Path(order["folder"])
    run = parse_run(order["run"], "worker")
    data_root = Path(order["data_root"]) if order["data_root"] else None
    try:
        with FileLock(folder / "worker.lock", timeout=LOCK_WAIT_SECONDS):
            for event in train(run, folder, order["device"], data_root, order["parent_key"]):
                yield _report(event)
    except Timeout:
        yield _failure("failed", f"another process is training in {folder}")
    except DivergedError as error:
        yield _failure("diverged", str(error))
    except (ValueError, OSError, MemoryError) as error:
        yield _failure("failed", str(error) or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - a defect of ours must reach the person, not only this process's log
        yield _failure("failed", f"{type(error).__name__}: {error}")


def _report(event: Started | EpochRecord | Finished) -> dict[str, Any]:
    kinds = {Started: "started", EpochRecord: "epoch", Finished: "finished"}
    return {"event": kinds[type(event)], "ends": isinstance(event, Finished), **asdict(event)}


def _failure(event: str, message: str) -> dict[str, Any]:
    return {"event": event, "ends": True, "message": message, "traceback": traceback.format_exc()}


def _send(reports: TextIO, report: dict[str, Any]) -> None:
    reports.write(json.dumps(report) + "\n")
    reports.flush()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
