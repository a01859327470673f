"""An internal classifier: maps pooled by a learned mixture of maximum and mean, and one linear layer on them."""

import torch
from torch import Tensor, nn

from overthink.networks.fast.lowering import Scales
from overthink.networks.fast.plan_builder import PlanBuilder
from overthink.networks.multi_exit import ExitHead, MapFeatures, State

POOLED = 4
"""Sides of pooled maps, where the side of the maps is a multiple of it."""


class Mixture(nn.Module):
    """z = a x + (1 - a) y with a learned number a, which is not limited to [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.full((1,), 0.5))
        """a, (1,)."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the mixture of two tensors of one shape."""
        return self.share * one + (1 - self.share) * other

    def own_mul_adds(self, _given: Tensor, output: Tensor) -> int:
        """Return two multiply-adds for each number."""
        return 2 * output.numel()


class Reduced(MapFeatures):
    """Maps reduced to about 4x4: k = floor(side / 4), z = a maxpool_k + (1 - a) meanpool_k with stride k.

    Smaller maps are taken as they are, without a; at k = 1 a changes nothing.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        window = min(height, width) // POOLED
        self.channels = channels
        self.is_pooled = window > 0
        if self.is_pooled:
            self.largest, self.mean = nn.MaxPool2d(window), nn.AvgPool2d(window)
            self.mixture = Mixture()
        window = max(window, 1)
        self.n_features = channels * (height // window) * (width // window)
        """F."""

    def maps(self, state: State) -> Tensor:
        """Return maps_BFHW, the block's."""
        return state[-1]

    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF of maps."""
        if self.is_pooled:
            maps_BFHW = self.mixture(self.largest(maps_BFHW), self.mean(maps_BFHW))
        return maps_BFHW.flatten(1)

    def lower(self, _plan: PlanBuilder, scales: Scales) -> Scales:
        """Return the block's maps, which have a place in a plan already."""
        return scales


def internal_classifier(channels: int, height: int, width: int, n_classes: int) -> ExitHead:
    """Return an exit that reads maps of a size."""
    features = Reduced(channels, height, width)
    return ExitHead(features, features.n_features, n_classes)
