"""Cost of a network: MUL-ADDs and parameters, cumulative up to and including each exit, earlier heads included.

Counted as the reference counts: multiply-adds of convolutions, one per ReLU element, the elements that pooling reads,
weights and biases of linear layers. BatchNorm is free, since it folds into the convolution before it.
"""

import copy
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from overthink.networks.multi_exit import MultiExitNetwork

FREE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.Identity, nn.Flatten)


def parameter_counts(network: MultiExitNetwork) -> tuple[int, ...]:
    """Return the number of parameters that each exit uses, cumulative, (E,)."""
    return tuple(accumulate(sum(p.numel() for module in part for p in module.parameters()) for part in network.parts))


def mul_adds(network: MultiExitNetwork, input_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the MUL-ADDs of each exit for one image (K, H, W), cumulative, (E,); the network is not changed.

    Raises TypeError for a layer without a counting rule.
    """
    studied = copy.deepcopy(network).cpu().eval()  # not the meta device, which imports the compiler for seconds
    per_exit = [0]

    def count(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        per_exit[-1] += _mul_adds_of(module, inputs[0], output)

    for module in studied.modules():
        if not list(module.children()) or list(module.parameters(recurse=False)):
            module.register_forward_hook(count)
    with torch.inference_mode():
        for _ in studied.logits(torch.zeros(1, *input_shape)):
            per_exit += [0]  # the following computation belongs to the next exit
    return tuple(accumulate(per_exit[:-1]))


def _mul_adds_of(module: nn.Module, given: Tensor, output: Tensor) -> int:
    match module:
        case nn.Conv2d():
            return output.numel() * module.weight[0].numel() + (output.numel() if module.bias is not None else 0)
        case nn.Linear():
            rows = output.numel() // module.out_features
            return rows * (module.weight.numel() + (module.out_features if module.bias is not None else 0))
        case nn.ReLU():
            return output.numel()
        case nn.AvgPool2d() | nn.MaxPool2d():
            kernel = module.kernel_size
            return output.numel() * (kernel**2 if isinstance(kernel, int) else kernel[0] * kernel[1])
        case nn.AdaptiveAvgPool2d():
            return given.numel()
        case _ if isinstance(module, FREE):
            return 0
    raise TypeError(f"no rule to count the MUL-ADDs of {type(module).__name__}")
