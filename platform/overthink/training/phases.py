"""The start of a phase: what it attaches to the network, its teacher, and what it freezes."""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from overthink.networks.catalogue import NetworkSpec
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork
from overthink.networks.size_limit import limited_size
from overthink.seeds import Seeds, torch_generator
from overthink.training.regime import Phase


def network_in(network: MultiExitNetwork, entered: Sequence[Phase], seeds: Seeds) -> MultiExitNetwork:
    """Return a network with the attachments of the phases entered so far, their weights newly drawn."""
    for number, phase in enumerate(entered):
        network = with_attachments(network, phase, number, seeds)
    return network


def blank_network(
    spec: NetworkSpec,
    regime: Sequence[Phase],
    input_shape: tuple[int, int, int],
    n_classes: int,
    seeds: Seeds,
) -> MultiExitNetwork:
    """Return a network in the form that it has after its last phase, with arbitrary weights.

    Raises ValueError for a network that is too large.
    """
    with limited_size():
        return network_in(spec.build(input_shape, n_classes, torch.Generator()), regime, seeds)


def with_attachments(network: MultiExitNetwork, phase: Phase, number: int, seeds: Seeds) -> MultiExitNetwork:
    """Return a network with what phase `number` (from 0) attaches, drawn from the run's `init` stream."""
    if phase.attach is None:
        return network
    return phase.attach.build(network, torch_generator(seeds, "init", number))


def teacher_of(network: MultiExitNetwork) -> MultiExitNetwork:
    """Return a frozen copy of a network."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def make_ready(network: MultiExitNetwork, phase: Phase) -> None:
    """Set a network to training mode; modules that the phase freezes get no gradients and keep their statistics."""
    network.train().requires_grad_(True)
    for module in frozen_modules(network, phase):
        module.eval().requires_grad_(False)


def frozen_modules(network: MultiExitNetwork, phase: Phase) -> list[nn.Module]:
    """Return the modules that a phase leaves unchanged, bit for bit."""
    blocks = list(network.blocks) if phase.freeze != "nothing" else []
    heads = [head for head in network.exits if isinstance(head, ExitHead)] if phase.freeze == "features" else []
    still = [] if phase.exits == "all" else list(network.exits)
    if still:
        del still[phase.learning]
    return [*blocks, *(head.features for head in heads), *still]
