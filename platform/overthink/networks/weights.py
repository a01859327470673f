"""Initial weights, drawn from a given generator."""

from math import sqrt
from typing import Literal

import torch
from torch import nn

Init = Literal["torch", "he"]


@torch.no_grad()
def draw_weights(network: nn.Module, init: Init, generator: torch.Generator) -> None:
    """Draw initial weights in place.

    torch: U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for convolutions, last layers and their biases (PyTorch's default).
    he: N(0, 2 / (kernel area * output channels)) for convolutions, PyTorch's default for last layers, biases 0.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1 / sqrt(module.weight[0].numel())
            if init == "he" and isinstance(module, nn.Conv2d):
                deviation = sqrt(2 / (module.weight[0, 0].numel() * module.out_channels))
                module.weight.normal_(0, deviation, generator=generator)
            else:
                module.weight.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                if init == "he":
                    module.bias.zero_()
                else:
                    module.bias.uniform_(-bound, bound, generator=generator)
