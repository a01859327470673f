"""The units of the four backbones: maps in, maps out."""

from typing import cast

from torch import Tensor, nn

from overthink.networks.fast.layers import NotPlannableError
from overthink.networks.fast.lowering import Scales
from overthink.networks.fast.plan import Maps
from overthink.networks.fast.plan_builder import PlanBuilder
from overthink.networks.multi_exit import State


class Unit(nn.Sequential):
    """Layers one after the other."""

    def lowered(self, plan: PlanBuilder, maps: Maps) -> Maps:
        """Add the layers to a plan; return the maps that they make."""
        return plan.layers(maps, *self)


class Segment(nn.Module):
    """The units between two exits, as a block of a network."""

    def __init__(self, *units: nn.Module) -> None:
        super().__init__()
        self.units = nn.Sequential(*units)

    def forward(self, state: State) -> State:
        """Return the maps behind the last unit."""
        return (self.units(state[-1]),)

    def lower(self, plan: PlanBuilder, scales: Scales) -> Scales:
        """Add the units to a plan."""
        maps = scales[-1]
        for unit in self.units:
            maps = cast(Unit, unit).lowered(plan, maps)
        return (maps,)


def convolution(n_in: int, n_out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Return a convolution without bias, and its BatchNorm."""
    layer = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(n_out)]


def vgg_unit(n_in: int, n_out: int, is_pooled: bool) -> Unit:
    """Return a convolution with a bias, BatchNorm and ReLU, and a pooling that halves, where there is one."""
    layers = [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
    return Unit(*layers, *([nn.MaxPool2d(2)] if is_pooled else []))


def separable_unit(n_in: int, n_out: int, stride: int) -> Unit:
    """Return a depthwise and a 1x1 convolution, each with BatchNorm and ReLU."""
    depthwise = [*convolution(n_in, n_in, stride=stride, groups=n_in), nn.ReLU(inplace=True)]
    return Unit(*depthwise, *convolution(n_in, n_out, kernel=1), nn.ReLU(inplace=True))


def first_convolution(n_in: int, n_out: int, stride: int) -> Unit:
    """Return what comes before the first block of a ResNet or MobileNet."""
    return Unit(*convolution(n_in, n_out, stride=stride), nn.ReLU(inplace=True))


class ResidualUnit(nn.Module):
    """A basic block (He et al. 2016); a 1x1 convolution with BatchNorm is the shortcut where the shape changes."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(*convolution(n_in, n_out, stride=stride), nn.ReLU(inplace=True))
        self.outer = nn.Sequential(*convolution(n_out, n_out))
        keeps_shape = stride == 1 and n_in == n_out
        self.shortcut = None if keeps_shape else nn.Sequential(*convolution(n_in, n_out, 1, stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps_BKHW: Tensor) -> Tensor:
        """Return the block's maps."""
        shortcut = maps_BKHW if self.shortcut is None else self.shortcut(maps_BKHW)
        return cast(Tensor, self.relu(self.outer(self.inner(maps_BKHW)) + shortcut))

    def lowered(self, plan: PlanBuilder, maps: Maps) -> Maps:
        """Add the block to a plan; return its maps."""
        inner = plan.unit(maps, self.inner)
        shortcut = maps if self.shortcut is None else plan.unit(maps, self.shortcut)
        return plan.unit(inner, *self.outer, self.relu, shortcut=shortcut)


class WideUnit(nn.Module):
    """A pre-activation block (Zagoruyko and Komodakis 2016), its stride in the second convolution.

    The shortcut, a 1x1 convolution of the block's input where the shape changes, has neither BatchNorm nor ReLU.
    """

    def __init__(self, n_in: int, n_out: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.BatchNorm2d(n_in),
            nn.ReLU(),
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.Dropout(dropout),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_out, n_out, 3, stride, padding=1),
        )
        self.shortcut = None if stride == 1 and n_in == n_out else nn.Conv2d(n_in, n_out, 1, stride)

    def forward(self, maps_BKHW: Tensor) -> Tensor:
        """Return the block's maps."""
        shortcut = maps_BKHW if self.shortcut is None else self.shortcut(maps_BKHW)
        return cast(Tensor, self.inner(maps_BKHW) + shortcut)

    def lowered(self, _plan: PlanBuilder, _maps: Maps) -> Maps:
        """Raise NotPlannableError."""
        raise NotPlannableError("BatchNorm and ReLU before a convolution")


class WideStem(nn.Conv2d):
    """The first convolution of a wide ResNet, without BatchNorm."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__(n_in, n_out, 3, stride, padding=1)

    def lowered(self, _plan: PlanBuilder, _maps: Maps) -> Maps:
        """Raise NotPlannableError."""
        raise NotPlannableError("a convolution without BatchNorm")
