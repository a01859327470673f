"""The machines of a cluster: what they have, and how many runs they have room for."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import ray

from overthink.execution.resources import Resources
from overthink.sentences import number_of

OURS = {"CPU": "cpu", "GPU": "gpu"}
"""Ray's name -> ours."""


class Machine(NamedTuple):
    """A machine that is part of the cluster now."""

    id: str
    address: str
    has: dict[str, float]
    """Amounts in all: `cpu`, `gpu`, and custom resources."""


def machines() -> list[Machine]:
    """Return the machines that are alive, by address."""
    alive = [
        Machine(node["NodeID"], node["NodeManagerAddress"], _amounts(node)) for node in ray.nodes() if node["Alive"]
    ]
    return sorted(alive, key=lambda machine: (machine.address, machine.id))


def room(of: Sequence[Machine], resources: Resources) -> int:
    """Return how many runs fit at once on idle machines."""
    return sum(resources.room(machine.has) for machine in of)


def room_sentence(of: Sequence[Machine], resources: Resources) -> str:
    """Return a sentence about the room for runs."""
    count = room(of, resources)
    counted = number_of(len(of), "machine")
    if not count:
        return f"the cluster has {counted}, and none has room for a run of {resources}; runs wait for one that has"
    return f"the cluster has {counted}, with room for {number_of(count, 'run')} of {resources} at once"


def _amounts(node: dict[str, Any]) -> dict[str, float]:
    return {OURS.get(name, name): float(amount) for name, amount in node["Resources"].items()}
