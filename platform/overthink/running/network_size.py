"""Parameters and MUL-ADDs of a network that a definition describes, without training it."""

from typing import NamedTuple

from overthink.definition.run_definition import GroupDefinition
from overthink.networks.cost import mul_adds_of_copy, parameter_counts
from overthink.seeds import expand
from overthink.training.phases import blank_network


class ExitSize(NamedTuple):
    """What an exit takes, cumulative up to and including it."""

    exit: int
    """Number of the exit, from 1."""
    params: int
    mul_adds: int


def exit_sizes(definition: GroupDefinition, shape: tuple[int, int, int], n_classes: int) -> list[ExitSize]:
    """Return the size of each exit for images of a shape (K, H, W)."""
    network = blank_network(definition.network, definition.regime, shape, n_classes, expand(1)[0])
    counted = zip(parameter_counts(network), mul_adds_of_copy(network, shape), strict=True)
    return [ExitSize(number, params, cost) for number, (params, cost) in enumerate(counted, 1)]
