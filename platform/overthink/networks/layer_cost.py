"""MUL-ADDs of single layers: the rules by which networks are counted."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

FREE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.Dropout, nn.Identity, nn.Flatten)


@runtime_checkable
class CountsItself(Protocol):
    """A layer with a rule of its own."""

    def own_mul_adds(self, given: Tensor, output: Tensor) -> int:
        """Return the MUL-ADDs of a call."""


def mul_adds_of(module: nn.Module, given: Tensor, output: Tensor) -> int:
    """Return the MUL-ADDs of a call of a layer; raises TypeError for a layer without a rule."""
    match module:
        case nn.Conv2d():
            return output.numel() * module.weight[0].numel() + (output.numel() if module.bias is not None else 0)
        case nn.Linear():
            rows = output.numel() // module.out_features
            return rows * (module.weight.numel() + (module.out_features if module.bias is not None else 0))
        case nn.AvgPool2d() | nn.MaxPool2d():
            kernel = module.kernel_size
            return output.numel() * (kernel**2 if isinstance(kernel, int) else kernel[0] * kernel[1])
        case nn.ReLU() | nn.AdaptiveAvgPool2d():
            return given.numel()
        case _ if isinstance(module, FREE):
            return 0
        case CountsItself():
            return module.own_mul_adds(given, output)
    raise TypeError(f"no rule to count the MUL-ADDs of {type(module).__name__}")


def is_layer(module: nn.Module) -> bool:
    """Return whether a module computes something itself, and not only by its children."""
    return not list(module.children()) or bool(list(module.parameters(recurse=False)))


def needs_no_rule(module: nn.Module) -> bool:
    """Return whether a layer without a rule may count as nothing: one without weights, such as GELU or Dropout."""
    known = nn.Conv2d | nn.Linear | nn.ReLU | nn.AvgPool2d | nn.MaxPool2d | nn.AdaptiveAvgPool2d
    has_own = bool(list(module.children()) or list(module.parameters(recurse=False)))
    return not has_own and not isinstance(module, (known, *FREE))
