"""The networks that a definition can name: those built in, and those of plug-ins."""

from typing import TYPE_CHECKING

from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.networks.resnet_spec import ResNetSpec
from overthink.networks.sdn.spec import SdnSpec
from overthink.networks.torch_spec import TorchSpec
from overthink.networks.torchvision_spec import TorchvisionSpec
from overthink.plugins.kinds import Kinds

BUILT_IN = (MSDNetSpec, ResNetSpec, SdnSpec, TorchSpec, TorchvisionSpec)
NETWORKS: Kinds[AbstractNetworkSpec] = Kinds("networks", AbstractNetworkSpec, BUILT_IN)  # type: ignore[type-abstract]

if TYPE_CHECKING:
    NetworkSpec = AbstractNetworkSpec
else:
    NetworkSpec = NETWORKS.annotation


def is_built_in(network: NetworkSpec) -> bool:
    """Return whether the code of a network is all of this package, and not torchvision's or a person's own."""
    return isinstance(network, MSDNetSpec | ResNetSpec | SdnSpec)
