"""Which convolutions and poolings the kernels can compute."""

from torch import nn

STRIDES = (1, 2, 3, 4)
LARGEST_KERNEL = 7


class NotPlannableError(ValueError):
    """A network has a layer that the fast kernels do not have; the message names it."""


def pool_geometry(layer: nn.MaxPool2d | nn.AvgPool2d) -> tuple[int, int, int]:
    """Return kernel size, stride and padding of a pooling; raises NotPlannableError where the kernels lack it."""
    values = {name: getattr(layer, name) for name in ("kernel_size", "stride", "padding")}
    for name, value in values.items():
        if not isinstance(value, int) and len(set(value)) > 1:
            raise NotPlannableError(f"{type(layer).__name__} with {name} = {value}")
        values[name] = value if isinstance(value, int) else value[0]
    kernel, stride, padding = values.values()
    fits = {
        "kernel_size": 1 <= kernel <= LARGEST_KERNEL,
        "stride": stride in STRIDES,
        "padding": 0 <= padding <= kernel // 2,
        "ceil_mode": not layer.ceil_mode,
        "dilation": getattr(layer, "dilation", 1) in (1, (1, 1)),
        "return_indices": not getattr(layer, "return_indices", False),
        "count_include_pad": padding == 0 or getattr(layer, "count_include_pad", True),
        "divisor_override": getattr(layer, "divisor_override", None) is None,
    }
    if wrong := [name for name, right in fits.items() if not right]:
        raise NotPlannableError(f"{type(layer).__name__} with {wrong[0]} = {getattr(layer, wrong[0])}")
    return kernel, stride, padding


def problem_of(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
    """Return what the kernels cannot compute of a unit; empty if nothing."""
    kernel, stride, padding = convolution.kernel_size, convolution.stride, convolution.padding
    fits = {
        "groups": convolution.groups == 1 or convolution.groups == convolution.in_channels == convolution.out_channels,
        "dilation": convolution.dilation == (1, 1),
        # BatchNorm subtracts a bias again, so its gradient is 0: one that begins at 0 stays 0
        "bias": convolution.bias is None or not bool(convolution.bias.any()),
        "padding_mode": convolution.padding_mode == "zeros",
        "kernel_size": kernel[0] == kernel[1] <= LARGEST_KERNEL,
        "stride": stride[0] == stride[1] and stride[0] in STRIDES,
        "padding": not isinstance(padding, str) and padding[0] == padding[1] < kernel[0],
    }
    if wrong := [name for name, right in fits.items() if not right]:
        value = "numbers other than 0" if wrong[0] == "bias" else getattr(convolution, wrong[0])
        return f"a convolution with {wrong[0]} = {value}"
    if not norm.affine or not norm.track_running_stats or norm.momentum is None:
        return f"{norm} without weights, running statistics or momentum"
    if norm.num_features != convolution.out_channels:
        return f"{norm} after {convolution}"
    return ""
