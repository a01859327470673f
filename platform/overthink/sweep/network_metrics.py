"""What a network costs, known before it is trained."""

import torch

from overthink.definition.run_definition import RunDefinition
from overthink.networks.catalogue import build_network
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.sweep.goal import NETWORK
from overthink.training.phases import network_in


def network_metrics(run: RunDefinition) -> dict[str, float]:
    """Return cumulative MUL-ADDs and parameters of each exit, of the network as it is after its last phase."""
    shape = run.dataset.input_shape
    drawn = build_network(run.network, shape, run.n_classes, torch.Generator())
    final = network_in(drawn, run.regime, run.seeds)
    costs = {"mul_adds": mul_adds(final, shape), "parameters": parameter_counts(final)}
    return {
        f"{NETWORK}/{name}/exit_{exit}": float(value)
        for name, of_exits in costs.items()
        for exit, value in enumerate(of_exits, start=1)
    }
