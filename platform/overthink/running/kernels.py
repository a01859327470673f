"""The kernels of a run on the machine that trains it: whether it can, and what it trains with."""

import socket

import torch

from overthink.definition.run_definition import RunDefinition
from overthink.networks import availability
from overthink.networks.kernels import BFLOAT16, TORCH, Kernels


def kernels_of(run: RunDefinition, device: torch.device) -> Kernels:
    """Return the kernels that a run is defined with.

    Raises ValueError where this machine cannot train it by them: no other ones take their place.
    """
    if run.precision != "f32" and device.type != "cuda":
        raise ValueError(
            f"precision: {run.precision} is a GPU's, and this run would be trained on {device}; leave it out"
        )
    if run.kernels == "torch":
        return BFLOAT16 if run.precision == "bf16" else TORCH
    obstacle: str | None = f"they train on a CPU alone, not on {device}"
    if device.type == "cpu":
        obstacle = availability.native_obstacle(*run.for_kernels)
    if obstacle:
        raise ValueError(
            f"{socket.gethostname()} cannot train this run by native kernels, since {obstacle.removesuffix('.')}; "
            "--kernels torch starts other runs"
        )
    return availability.native_kernels(run.largest_batch, run.threads, run.seeds.at_end.kernel)


def kernel_settings(run: RunDefinition) -> dict[str, str | int]:
    """Return what else can change the last bits of a result: what native kernels were built with; of torch nothing."""
    if run.kernels == "torch":
        return {}
    return {"kernels": run.kernels, "threads": run.threads, **availability.native_settings(run.largest_batch)}


def torch_threads(run: RunDefinition) -> int:
    """Return the number of threads that torch computes a run with.

    Beside native kernels it has one: it computes little there, and threads of its own would wait in a loop on the cores
    that the kernels need. The seed `kernel` changes how sums are grouped: by more threads.
    """
    return run.threads + run.seeds.at_end.kernel if run.kernels == "torch" else 1
