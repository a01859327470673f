"""Whether this machine can train a network by native kernels, and what these were built with.

torch and the kernels are imported where they are used, so that a launch that does not ask starts without them.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from overthink.kept import Kept, code_of
from overthink.networks.catalogue import NetworkSpec, is_built_in
from overthink.networks.fast.build import SMALL_BLOCK, are_built, build_kernels
from overthink.networks.fast.compiler import KernelsUnavailableError, instruction_set
from overthink.networks.size_limit import TooLargeError, limited_size

if TYPE_CHECKING:
    from overthink.networks.fast.library import Library
    from overthink.networks.kernels import Kernels
    from overthink.networks.multi_exit import MultiExitNetwork

EFFICIENCY = {64: 1.0, 32: 0.9, 16: 0.7}
"""Of kernels for so many images in a block, about, where blocks are full."""
_PLANS = Kept("plans", TypeAdapter(str))
MOST_IN_SMALL_BLOCKS = 32
"""Images in a batch that early exits thin out soon enough for the smallest blocks."""


def native_obstacle(
    network: NetworkSpec,
    input_shape: tuple[int, int, int],
    n_classes: int,
    batch_size: int,
    equilibrium: bool = False,
    last_exit_alone: bool = False,
    on_message: Callable[[str], None] | None = None,
) -> str | None:
    """Return why native kernels cannot train a network on this machine, in words that follow `since`; None if they can.

    With `equilibrium`, some phase balances gradients between exits; with `last_exit_alone`, some phase leaves the other
    exits as they are. It may take seconds, since it compiles what is not compiled yet; `on_message` then receives a
    sentence. Raises TooLargeError for a network that no kernels could train.
    """
    if obstacle := _plan_obstacle(network, input_shape, n_classes, equilibrium, last_exit_alone):
        return obstacle
    try:
        build_kernels(block_for(batch_size), report=on_message)
    except KernelsUnavailableError as error:
        return str(error)
    return None


def _plan_obstacle(
    network: NetworkSpec, input_shape: tuple[int, int, int], n_classes: int, equilibrium: bool, last_exit_alone: bool
) -> str:
    """Return why no plan holds a network, empty where one does; kept, since building a network needs torch."""
    asked = network, input_shape, n_classes, equilibrium, last_exit_alone
    if not is_built_in(network):
        return _planned(*asked)
    question = {
        "network": network.model_dump(mode="json"),
        "for": [*input_shape, n_classes, equilibrium, last_exit_alone],
        **code_of("networks"),
    }
    return _PLANS.answer(question, lambda: _planned(*asked))


def _planned(
    network: NetworkSpec, input_shape: tuple[int, int, int], n_classes: int, equilibrium: bool, last_exit_alone: bool
) -> str:
    import torch

    from overthink.networks.fast.layers import NotPlannableError
    from overthink.networks.fast.lowering import plan_of

    try:
        with limited_size():
            built = network.build(input_shape, n_classes, torch.Generator())
        plan_of(built, input_shape, equilibrium)
        if last_exit_alone:
            for head in list(built.exits)[:-1]:
                head.eval()
            plan_of(built, input_shape)
    except NotPlannableError as error:
        return f"they cannot compute {error}"
    except TooLargeError:
        raise
    except ValueError as error:
        return str(error)
    return ""


def native_kernels(batch_size: int, threads: int, roll: int) -> "Kernels":
    """Return native kernels for batches of that size; `roll` changes rounding alone.

    Raises KernelsUnavailableError where they cannot be built.
    """
    from overthink.networks.fast.native import NativeKernels

    return NativeKernels(_library(block_for(batch_size)), threads, roll)


def inference_obstacle(
    network: "MultiExitNetwork",
    input_shape: tuple[int, int, int],
    batch_size: int,
    on_message: Callable[[str], None] | None = None,
) -> str | None:
    """Return why native kernels cannot compute a network here; words and messages are those of `native_obstacle`."""
    from overthink.networks.fast.layers import NotPlannableError
    from overthink.networks.fast.lowering import plan_of

    try:
        plan_of(network, input_shape)
        build_kernels(inference_block(batch_size), report=on_message)
    except NotPlannableError as error:
        return f"they cannot compute {error}"
    except KernelsUnavailableError as error:
        return str(error)
    return None


def inference_kernels(batch_size: int, threads: int) -> "Kernels":
    """Return native kernels for predictions in batches of that size; raises KernelsUnavailableError."""
    from overthink.networks.fast.native import NativeKernels

    return NativeKernels(_library(inference_block(batch_size)), threads)


def inference_is_built(batch_size: int) -> bool:
    """Return whether the kernels for such predictions are there already, so that nothing is compiled for them."""
    return are_built(inference_block(batch_size))


def inference_block(batch_size: int) -> int:
    """Return the number of images in a block for predictions: small, so that blocks are soon empty as samples exit.

    AVX512 has 16 lanes, and is less efficient with one vector a block; there, blocks are as in training.
    """
    if instruction_set() == "x86-64-v4":
        return block_for(batch_size)
    return SMALL_BLOCK if batch_size <= MOST_IN_SMALL_BLOCKS else 16


def native_settings(batch_size: int) -> dict[str, str]:
    """Return what native kernels for batches of that size were built with, for the provenance of a run.

    `compiler` with its version, `flags`, `instruction_set`, `source_sha256`, `images_per_block`.
    """
    built = build_kernels(block_for(batch_size))
    return {
        "compiler": built.compiler,
        "flags": built.flags,
        "instruction_set": built.instruction_set,
        "source_sha256": built.source_sha256,
        "images_per_block": str(built.images),
    }


def block_for(batch_size: int) -> int:
    """Return the number of images in a block with which batches are computed fastest: padding counts like images.

    >>> [block_for(size) for size in (8, 16, 20, 32, 33, 64, 96, 128)]
    [16, 16, 32, 32, 64, 64, 32, 64]
    """
    return max(EFFICIENCY, key=lambda images: EFFICIENCY[images] * batch_size / (-(-batch_size // images) * images))


@cache
def _library(images: int) -> "Library":
    from overthink.networks.fast.library import Library

    return Library(build_kernels(images))
