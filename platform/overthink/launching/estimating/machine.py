"""What the speed of a training depends on beside the run and the code: this machine."""

import os
from contextlib import suppress
from pathlib import Path

from overthink.networks.fast.compiler import KernelsUnavailableError, instruction_set
from overthink.running.gpu_drivers import has_gpu_driver
from overthink.running.provenance import processor

GPUS = Path("/proc/driver/nvidia/gpus")


def machine(device: str) -> dict[str, str | int]:
    """Return what computes runs on a device: processor, cores that this process may use, instruction set, GPUs."""
    found: dict[str, str | int] = {"processor": processor(), "cores": _cores()}
    with suppress(KernelsUnavailableError):
        found["instruction_set"] = instruction_set()
    if device != "cpu" and has_gpu_driver():
        found["gpus"] = ", ".join(sorted(map(_model, GPUS.glob("*/information")))) or "unknown"
    return found


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _model(information: Path) -> str:
    lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("Model")), "unknown")
