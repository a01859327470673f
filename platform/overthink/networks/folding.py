"""Networks for inference: BatchNorm folded into the layer before it, memory format for convolutions."""

import copy
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from overthink.networks.multi_exit import MultiExitNetwork

Network = TypeVar("Network", bound=MultiExitNetwork)


def folded(network: Network, memory_format: torch.memory_format = torch.channels_last) -> Network:
    """Return a copy for inference, without gradients, whose BatchNorms are folded into the layers before them.

    Outputs equal those of the network in eval mode up to rounding. A BatchNorm that does not follow a convolution or a
    linear layer in an nn.Sequential is kept. Images can have any memory format. Channels last is faster: 1.2 to 1.6
    times for batches on two cores, slightly for single images.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    if not copied.can_fold:
        return copied.to(memory_format=memory_format)
    for module in list(copied.modules()):
        if isinstance(module, nn.Sequential):
            _fold(module)
    for module in list(copied.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Sequential and _is_one(child):
                setattr(module, name, ConvolutionReLU(*child[:1]))
    return copied.to(memory_format=memory_format)


class ConvolutionReLU(nn.Module):
    """A convolution and a ReLU in one call: for single images, calls between layers are a sixth of the time."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        assert isinstance(convolution, nn.Conv2d)
        self.weight, self.bias = convolution.weight, convolution.bias
        self.stride, self.padding = convolution.stride, convolution.padding

    def forward(self, maps_BKHW: Tensor) -> Tensor:
        """Return the activations."""
        return torch.conv2d(maps_BKHW, self.weight, self.bias, self.stride, self.padding).relu_()


def _is_one(layers: nn.Sequential) -> bool:
    """Return whether folded layers are a plain convolution and a ReLU only."""
    match list(layers):
        case [nn.Conv2d() as convolution, nn.Identity(), nn.ReLU()]:
            return convolution.groups == 1 and convolution.dilation == (1, 1)
    return False


def _fold(layers: nn.Sequential) -> None:
    for number, (layer, norm) in enumerate(pairwise(layers)):
        match layer, norm:
            case nn.Conv2d(), nn.BatchNorm2d():
                layers[number] = fuse_conv_bn_eval(layer, norm)
            case nn.Linear(), nn.BatchNorm1d():
                layers[number] = fuse_linear_bn_eval(layer, norm)
            case _:
                continue
        layers[number + 1] = nn.Identity()
