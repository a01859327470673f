"""A plan executed by torch, operation by operation: what the fast kernels must compute."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from overthink.networks.fast.plan import Maps, Plan, Pool
from overthink.networks.gradient_equilibrium import scaled_gradient


def executed(plan: Plan, images_BKHW: Tensor) -> Sequence[Tensor]:
    """Return the maps that a plan exports; gradients flow to the units' weights by the plan's gains."""
    slices: dict[int, dict[int, tuple[Maps, Tensor]]] = {number: {} for number in range(len(plan.buffers))}
    slices[0][0] = Maps(0, 0, images_BKHW.shape[1]), images_BKHW

    def read(maps: Maps) -> Tensor:
        inside = sorted(first for first in slices[maps.buffer] if first < maps.first + maps.channels)
        parts = [slices[maps.buffer][first] for first in inside if first >= maps.first]
        return torch.cat([scaled_gradient(values, maps.gain / written.gain) for written, values in parts], dim=1)

    for operation in plan.operations:
        source = read(operation.reads)
        if isinstance(operation, Pool):
            pool = functional.avg_pool2d if operation.mean else functional.max_pool2d
            slices[operation.writes.buffer][operation.writes.first] = (
                operation.writes,
                pool(source, *operation.geometry),
            )
        for part in operation.parts:
            convolution = part.unit.convolution
            out = functional.conv2d(
                source, convolution.weight, None, convolution.stride, convolution.padding, groups=convolution.groups
            )
            values = part.unit.norm(out)
            values = values if part.shortcut is None else values + read(part.shortcut)
            values = values.relu() if part.unit.relu else values
            buffer = plan.buffers[part.writes.buffer]
            assert tuple(values.shape[1:]) == (part.writes.channels, buffer.height, buffer.width)
            slices[part.writes.buffer][part.writes.first] = part.writes, values
    return [read(maps) for maps in plan.exports]
