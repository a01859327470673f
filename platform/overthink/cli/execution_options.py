"""Options for where runs execute, checked before anything heavy is imported."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from overthink.execution.resources import ONE_CORE, Resources, parse_resources
from overthink.settings import KERNELS, check_device, check_settings

if TYPE_CHECKING:
    from overthink.launching.outcomes import Options
    from overthink.settings import KernelsAsked


def check_execution(device: str, engine: str, resources: str | None, kernels: str) -> None:
    """Raise ValueError, naming the option, for an unknown value or options that exclude each other."""
    check_kernels(kernels)
    if kernels == "native" and device.startswith("cuda"):
        raise ValueError(f"--kernels native: native kernels train on a CPU alone, not on --device {device}")
    if engine not in ("local", "ray"):
        raise ValueError(f"--engine {engine}: expected local or ray")
    check_device(f"--device {device}", device)
    if engine != "ray":
        if resources is not None:
            raise ValueError(f"--resources {resources}: requires --engine ray; use --jobs on this machine")
        return
    taken = resources_of(resources)
    if device.startswith("cuda:"):
        raise ValueError(f"--device {device}: a run on a cluster sees only its own GPUs; use --device cuda")
    if device == "cuda" and not taken.gpu:
        wanted = "gpu=1" if resources is None else taken._replace(gpu=1.0)
        raise ValueError(f"--device cuda: a run without GPU resources sees no GPU; add --resources {wanted}")


def check_kernels(kernels: str) -> None:
    """Raise ValueError for an unknown value of --kernels."""
    if kernels not in KERNELS:
        raise ValueError(f"--kernels {kernels}: expected auto, torch or native")


def launch_options(
    jobs: int | None,
    device: str,
    data_root: Path | None,
    engine: str,
    resources: str | None,
    kernels: str,
    force: bool = False,
    reuse: bool = True,
    estimate: bool = False,
) -> "Options":
    """Return the options of a launch; `check_execution` has accepted them.

    Raises ValueError for an estimate of runs on a cluster, since steps are timed on this machine.
    """
    from overthink.launching.outcomes import Options

    check_settings(data_root)  # before a store is made
    asked = cast("KernelsAsked", kernels)
    if estimate and engine == "ray":
        raise ValueError("--estimate: it times steps on this machine, and --engine ray trains on others")
    if engine == "ray":
        return Options(jobs or 0, device, data_root, force, reuse, "ray", resources_of(resources), asked)
    jobs = (os.cpu_count() or 1) if jobs == 0 else jobs or 1
    return Options(jobs, device, data_root, force, reuse, kernels=asked, estimate=estimate)


def start_early(how: "Options") -> None:
    """Have workers import torch while this process imports MLflow: either takes seconds."""
    if how.engine == "local":
        from overthink.execution.local import warm_up

        warm_up()


def resources_of(resources: str | None) -> Resources:
    """Return the resources of a run on a cluster; raise ValueError where the text is malformed."""
    return ONE_CORE if resources is None else parse_resources(resources)
