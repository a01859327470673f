"""What executes on a machine of a cluster: a job, in a folder that exists as long as the job does.

Idempotent: it begins where the checkpoint that came along stands, and sends its own back as it goes. Nothing that it
needs later stays on the machine, and it knows no store: the coordinator alone writes there.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir, mkdtemp

import psutil
import ray

from overthink.execution.jobs import Order
from overthink.execution.ray.files import File, files_in, write
from overthink.execution.worker import events_of
from overthink.running.events import Finished, Started, as_json
from overthink.running.provenance import surroundings
from overthink.training.epoch_record import EpochRecord
from overthink.training.regime import OWN_CHECKPOINT, snapshot_name

PREFIX = "overthink-job-"


def train_there(order: Order, files: Mapping[str, bytes]) -> Iterator[str | File]:
    """Execute an order; yield what happens, as JSON, and the files that it leaves behind, before that.

    A snapshot is sent back when it is made; a checkpoint once an epoch, but no more often than every
    `order.checkpoint_seconds`.
    """
    _tidy()
    folder = Path(mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        write(folder, files)
        sent = time.monotonic()
        for event in events_of(replace(order, folder=str(folder), device=_device(order.device))):
            match event:
                case Started():
                    event = replace(event, environment=surroundings())  # noqa: PLW2901 - the same event, complete
                case EpochRecord():
                    yield from files_in(folder, [snapshot_name(event.epoch)])
                    if time.monotonic() - sent >= order.checkpoint_seconds:
                        yield File(OWN_CHECKPOINT, (folder / OWN_CHECKPOINT).read_bytes())
                        sent = time.monotonic()
                case Finished():
                    yield from files_in(folder, (OWN_CHECKPOINT, "*.parquet"))
            yield json.dumps(as_json(event))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _device(asked: str) -> str:
    """Return the device of a job: one that was given no GPU uses none, whatever the machine has."""
    return "cpu" if asked == "auto" and not ray.get_gpu_ids() else asked


def _tidy() -> None:
    """Remove what jobs left that were killed on this machine."""
    for left in Path(gettempdir()).glob(f"{PREFIX}*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        with suppress(ValueError, OverflowError):  # a name that anybody gave it
            if not psutil.pid_exists(int(pid)):
                shutil.rmtree(left, ignore_errors=True)
