"""What the speed of a training depends on beside the run: this machine, and this version of the code."""

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from overthink.networks.fast.compiler import KernelsUnavailableError, instruction_set
from overthink.running.gpu_drivers import GPU_FILES
from overthink.running.provenance import processor, version_of

PACKAGE = Path(__file__).parents[2]
ROOMS = ("data", "metrics", "networks", "predictions", "running", "training")
"""Packages that decide how fast a training is."""
GPUS = Path("/proc/driver/nvidia/gpus")


def machine(device: str) -> dict[str, str | int]:
    """Return what computes runs on a device: processor, cores that this process may use, instruction set, GPUs."""
    found: dict[str, str | int] = {"processor": processor(), "cores": _cores()}
    with suppress(KernelsUnavailableError):
        found["instruction_set"] = instruction_set()
    if device != "cpu" and any(map(os.path.exists, GPU_FILES)):
        found["gpus"] = ", ".join(sorted(map(_model, GPUS.glob("*/information")))) or "unknown"
    return found


@cache
def code() -> dict[str, str]:
    """Return the SHA-256 of the code that is timed, and the version of torch."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*")):
            if path.suffix in (".py", ".cpp", ".hpp") and path.is_file():  # an editor's lock is a link to nothing
                digest.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes())
    return {"source_sha256": digest.hexdigest(), "torch": version_of("torch") or ""}


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _model(information: Path) -> str:
    lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("Model")), "unknown")
