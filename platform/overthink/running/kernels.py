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
