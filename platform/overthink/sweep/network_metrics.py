"""Costs of a network, known before training."""

from overthink.definition.run_definition import RunDefinition
from overthink.metrics.naming import by_exit
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.sweep.goal import NETWORK
from overthink.training.phases import blank_network


def network_metrics(run: RunDefinition) -> dict[str, float]:
    """Return cumulative MUL-ADDs and parameters of each exit, for the network of the last phase."""
    shape = run.dataset.input_shape
    network = blank_network(run.network, run.regime, shape, run.n_classes, run.seeds)
    costs = by_exit(f"{NETWORK}/mul_adds", mul_adds(network, shape))
    return costs | by_exit(f"{NETWORK}/parameters", parameter_counts(network))
