"""Whether this machine can train a network by native kernels, and what these were built with."""

from collections.abc import Callable, Sequence

from overthink.networks.catalogue import NetworkSpec
from overthink.spec import Spec

NOT_BUILT = "the native kernels are not built yet"


def native_obstacle(
    network: NetworkSpec,
    input_shape: tuple[int, int, int],
    n_classes: int,
    regime: Sequence[Spec],
    on_message: Callable[[str], None] | None = None,
) -> str | None:
    """Return why native kernels cannot train a network on this machine, in words that follow `since`; None if they can.

    It may take seconds, since it compiles what is not compiled yet; `on_message` then receives a sentence.
    """
    del network, input_shape, n_classes, regime, on_message
    return NOT_BUILT


def native_settings() -> dict[str, str]:
    """Return what the native kernels of this process were built with, for the provenance of a run.

    `compiler` with its version, `flags`, `instruction_set`, `source_sha256`, `images_per_block`.
    """
    return {}
