"""A limit on the size of networks: a mistyped number must not take all memory of a machine."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST_PARAMETERS = 100_000_000
"""Of one network: 400 MB of weights, several times those of published multi-exit networks."""
MOST_COPIES = 8
"""Of a network's weights in a file: momentum or an optimizer's state, a teacher, later attachments, as float64."""
LARGEST_REST = 64_000_000
"""Bytes of a file beside them."""


class TooLargeError(ValueError):
    """A network has too many parameters."""


@contextmanager
def limited_size(most: int = MOST_PARAMETERS) -> Iterator[None]:
    """Raise TooLargeError when the networks that are built within the block get more parameters than `most`.

    Weights are registered before they are drawn, and memory is taken when they are drawn.
    """
    from torch.nn.modules.module import register_module_parameter_registration_hook

    parameters = 0

    def count(_module: "nn.Module", _name: str, parameter: "nn.Parameter | None") -> None:
        nonlocal parameters
        parameters += 0 if parameter is None else parameter.numel()
        if parameters > most:
            raise TooLargeError(f"network: more than {most:,} parameters")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    except RuntimeError as error:  # a single tensor that is larger than the address space
        if "allocate" not in str(error):
            raise
        raise TooLargeError(f"network: more than {most:,} parameters") from error
    finally:
        hook.remove()


def check_size(size: int, tensors: "Iterable[Tensor]") -> None:
    """Raise ValueError for a file of so many bytes that is too large for weights of a network with these tensors."""
    own = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > (most := MOST_COPIES * own + LARGEST_REST):
        raise ValueError(f"it has {size:,} bytes, more than {most:,}, and so is of another network")
