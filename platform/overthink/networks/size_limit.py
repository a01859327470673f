"""A limit on the size of networks: a mistyped number must not take all memory of a machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

MOST_PARAMETERS = 100_000_000
"""Of one network: 400 MB of weights, several times those of published multi-exit networks."""


@contextmanager
def limited_size(most: int = MOST_PARAMETERS) -> Iterator[None]:
    """Raise ValueError when the networks that are built within the block get more parameters than `most`.

    Weights are registered before they are drawn, and memory is taken when they are drawn.
    """
    parameters = 0

    def count(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> None:
        nonlocal parameters
        parameters += 0 if parameter is None else parameter.numel()
        if parameters > most:
            raise ValueError(f"network: more than {most:,} parameters")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    except RuntimeError as error:  # a single tensor that is larger than the address space
        if "allocate" not in str(error):
            raise
        raise ValueError(f"network: more than {most:,} parameters") from error
    finally:
        hook.remove()
