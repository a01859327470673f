"""MUL-ADDs of single layers: the rules by which networks are counted."""

from typing import Protocol, runtime_checkable

from torch import Tensor, fx, nn

FREE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.Identity, nn.Flatten, nn.Dropout)
FREE_OF_TORCHVISION = "StochasticDepth"
"""Its name, since importing torchvision takes seconds. Like Dropout it does nothing in evaluation."""
ONE_PER_ELEMENT = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.GELU, nn.Sigmoid, nn.LayerNorm)
"""Activations as ReLU counts; a LayerNorm does not fold into the layer before it, as a BatchNorm does."""


@runtime_checkable
class CountsItself(Protocol):
    """A layer with a rule of its own."""

    def own_mul_adds(self, given: Tensor, output: Tensor) -> int:
        """Return the MUL-ADDs of a call."""


def mul_adds_of(module: nn.Module, given: Tensor, output: Tensor) -> int:  # noqa: PLR0911 - a rule each
    """Return the MUL-ADDs of a call of a layer; raises TypeError for a layer without a rule."""
    match module:
        case nn.Conv2d():
            return output.numel() * module.weight[0].numel() + (output.numel() if module.bias is not None else 0)
        case nn.Linear():
            rows = output.numel() // module.out_features
            return rows * (module.weight.numel() + (module.out_features if module.bias is not None else 0))
        case nn.MultiheadAttention():
            return _of_attention(module, given)
        case nn.AvgPool2d() | nn.MaxPool2d():
            return output.numel() * _area(module.kernel_size)
        case _ if isinstance(module, (nn.AdaptiveAvgPool2d, *ONE_PER_ELEMENT)):
            return given.numel()
        case CountsItself():
            return module.own_mul_adds(given, output)
    if not isinstance(module, FREE) and type(module).__name__ != FREE_OF_TORCHVISION:
        raise TypeError(f"no rule to count the MUL-ADDs of {type(module).__name__}")
    return 0


def _area(kernel: int | tuple[int, ...]) -> int:
    return kernel**2 if isinstance(kernel, int) else kernel[0] * kernel[1]


def _of_attention(module: nn.MultiheadAttention, given: Tensor) -> int:
    """Return the cost of self-attention: four projections a token, and two products of all pairs of tokens.

    Its output layer is called as a function, so that it counts here alone.
    """
    batch, tokens, width = given.shape if module.batch_first else (given.shape[1], given.shape[0], given.shape[2])
    bias = 4 * width if module.in_proj_bias is not None else 0
    return batch * tokens * (4 * width * width + bias + 2 * tokens * width)


def is_layer(module: nn.Module) -> bool:
    """Return whether a module computes something itself, and not only by its children."""
    if isinstance(module, fx.GraphModule):  # it may hold weights that it adds, such as a class token
        return False
    return not list(module.children()) or bool(list(module.parameters(recurse=False)))


def needs_no_rule(module: nn.Module) -> bool:
    """Return whether a layer without a rule may count as nothing: one without weights, such as GELU or Dropout."""
    known = nn.Conv2d | nn.Linear | nn.ReLU | nn.AvgPool2d | nn.MaxPool2d | nn.AdaptiveAvgPool2d
    has_own = bool(list(module.children()) or list(module.parameters(recurse=False)))
    counted = isinstance(module, (known, *FREE)) and not isinstance(module, nn.Dropout)
    return not has_own and not counted
