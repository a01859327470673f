<<<<<<< HEAD
"""What computes a run: torch, or the native kernels, which are built for this machine at their first use."""

from overthink.definition.run_definition import GroupDefinition, RunDefinition
from overthink.networks.fast.compiler import KernelsUnavailableError
from overthink.networks.kernels import TORCH, Kernels


def kernels_of(run: RunDefinition) -> Kernels:
    """Return the kernels that a run is defined with; raises ValueError where this machine cannot build them."""
    if run.kernels == "torch":
        return TORCH
    from overthink.networks.fast.native import NativeKernels, loaded

    try:
        return NativeKernels(loaded(images_in_block(run)), run.threads, run.seeds.kernel)
    except KernelsUnavailableError as error:
        raise ValueError(
            f"the run is defined with native kernels, and {error}; --kernels torch trains without"
        ) from None


def images_in_block(definition: GroupDefinition) -> int:
    """Return the number of images that the kernels of a run take at once; it fits the largest batch of its phases."""
    from overthink.networks.fast.native import block_for

    return block_for(max(phase.batch_size for phase in definition.regime))
=======
"""The kernels of a run on the machine that trains it: whether it can, and what it trains with."""

import socket

import torch

from overthink.definition.run_definition import RunDefinition
from overthink.networks.fast import availability


def check_kernels(run: RunDefinition, device: torch.device, shape: tuple[int, int, int], n_classes: int) -> None:
    """Raise ValueError where this machine cannot train a run by its kernels: no other ones take their place."""
    if run.kernels == "torch":
        return
    obstacle: str | None = f"they train on a CPU alone, not on {device}"
    if device.type == "cpu":
        obstacle = availability.native_obstacle(run.network, shape, n_classes, run.regime)
    if obstacle:
        raise ValueError(
            f"{socket.gethostname()} cannot train this run by native kernels, since {obstacle.removesuffix('.')}; "
            "--kernels torch starts other runs"
        )


def kernel_settings(run: RunDefinition) -> dict[str, str]:
    """Return what else can change the last bits of a result: what native kernels were built with; of torch nothing."""
    return {"kernels": run.kernels, **availability.native_settings()} if run.kernels == "native" else {}
>>>>>>> w-option
