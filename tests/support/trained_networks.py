"""Tiny networks as training would leave them: every BatchNorm with statistics of its own."""

from typing import Any

import torch
from torch import Tensor, nn

from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork

SHAPE = (3, 16, 16)


def settled(connection: Any = None, blocks: int = 3, n_classes: int = 4) -> MultiExitNetwork:
    """Return a network in eval mode, with connections between its exits if a kind is named."""
    generator = torch.Generator().manual_seed(0)
    spec = MSDNetSpec(kind="msdnet", blocks=blocks, channels=4, growth=2, head_channels=6)
    network: MultiExitNetwork = spec.build(SHAPE, n_classes, generator)
    if connection is not None:
        network = CollaborationSpec(kind="isc", connection=connection).build(network, generator)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for values in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                assert values is not None
                values.uniform_(0.5, 1.5, generator=generator)
        elif isinstance(module, nn.Linear):
            module.weight.data.mul_(4)  # surer, so that confidences spread
    return network.eval()


def images(n: int = 5) -> Tensor:
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(2))
