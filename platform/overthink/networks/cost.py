"""Cost of a network: MUL-ADDs and parameters, cumulative up to and including each exit, earlier heads included.

Counted as the reference counts: multiply-adds of convolutions, one per ReLU element, the elements that pooling reads,
weights and biases of linear layers. BatchNorm is free, since it folds into the convolution before it.
"""

import copy
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from overthink.networks.layer_cost import is_layer, mul_adds_of
from overthink.networks.multi_exit import MultiExitNetwork


def parameter_counts(network: MultiExitNetwork) -> tuple[int, ...]:
    """Return the number of parameters that each exit uses, cumulative, (E,)."""
    return tuple(accumulate(sum(p.numel() for p in of_exit) for of_exit in network.parameters_by_exit()))


def mul_adds(network: MultiExitNetwork, input_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the MUL-ADDs of each exit for one image (K, H, W), cumulative, (E,); the network is not changed.

    Raises TypeError for a layer without a counting rule, ValueError for a network whose cost is not known.
    """
    return mul_adds_of_copy(copy.deepcopy(network), input_shape)


def mul_adds_of_copy(copied: MultiExitNetwork, input_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the same of a network that is used for nothing else: it goes to the CPU, and its layers count from now on.

    Copying a network of many layers takes as long as a training step of a small one.
    """
    studied = copied.cpu().eval()  # not the meta device, which imports the compiler for seconds
    if (own := studied.mul_adds_by_exit(input_shape)) is not None:
        return tuple(accumulate(own))
    per_exit = [0]

    def count(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        per_exit[-1] += mul_adds_of(module, inputs[0], output)

    for module in studied.modules():
        if is_layer(module):
            module.register_forward_hook(count)
    with torch.inference_mode():
        for _ in studied.logits(torch.zeros(1, *input_shape)):
            per_exit += [0]  # the following computation belongs to the next exit
    return tuple(accumulate(per_exit[:-1]))
