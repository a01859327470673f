"""Parameters and MUL-ADDs of a network that a definition describes, without training it."""

from typing import NamedTuple

from pydantic import TypeAdapter

from overthink.definition.run_definition import GroupDefinition
from overthink.kept import Kept, code_of
from overthink.networks.catalogue import is_built_in
from overthink.seeds import expand


class ExitSize(NamedTuple):
    """What an exit takes, cumulative up to and including it."""

    exit: int
    """Number of the exit, from 1."""
    params: int
    mul_adds: int


_SIZES = Kept("sizes", TypeAdapter(list[ExitSize]))


def exit_sizes(definition: GroupDefinition, shape: tuple[int, int, int], n_classes: int) -> list[ExitSize]:
    """Return the size of each exit for images of a shape (K, H, W); kept, since building a network needs torch."""
    if not is_built_in(definition.network):
        return _counted(definition, shape, n_classes)
    described = definition.model_dump(mode="json", include={"network", "regime"})
    question = {**described, "for": [*shape, n_classes], **code_of("networks", "training")}
    return _SIZES.answer(question, lambda: _counted(definition, shape, n_classes))


def _counted(definition: GroupDefinition, shape: tuple[int, int, int], n_classes: int) -> list[ExitSize]:
    from overthink.networks.cost import mul_adds_of_copy, parameter_counts
    from overthink.training.phases import blank_network

    network = blank_network(definition.network, definition.regime, shape, n_classes, expand(1)[0])
    counted = zip(parameter_counts(network), mul_adds_of_copy(network, shape), strict=True)
    return [ExitSize(number, params, cost) for number, (params, cost) in enumerate(counted, 1)]
