"""The features of most networks: the mean of every map."""

from typing import cast

from torch import Tensor, nn

from overthink.networks.fast.lowering import Scales
from overthink.networks.fast.plan_builder import PlanBuilder
from overthink.networks.multi_exit import MapFeatures, State


class PooledMaps(MapFeatures):
    """The mean of every map."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def maps(self, state: State) -> Tensor:
        """Return maps_BFHW, the last block's."""
        return state[-1]

    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF of maps."""
        return cast(Tensor, self.pool(maps_BFHW)).flatten(1)

    def lower(self, _plan: PlanBuilder, scales: Scales) -> Scales:
        """Return the last block's maps, which have a place in a plan already."""
        return scales
