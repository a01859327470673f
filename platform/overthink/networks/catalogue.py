"""The one place that names networks: a new one is a module of its own and a line in each function here.

Networks are imported where they are built: definitions load without torch.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from overthink.networks.msdnet_spec import MSDNetSpec, check_msdnet
from overthink.networks.resnet_spec import ResNetSpec, check_resnet

if TYPE_CHECKING:
    import torch

    from overthink.networks.collaboration_spec import CollaborationSpec
    from overthink.networks.multi_exit import MultiExitNetwork

NetworkSpec = Annotated[MSDNetSpec | ResNetSpec, Field(discriminator="kind")]


def check_network(spec: MSDNetSpec | ResNetSpec, input_shape: tuple[int, int, int], n_classes: int) -> None:
    """Raise ValueError where no such network can be built for images (K, H, W) of so many classes."""
    if n_classes < 2:
        raise ValueError(f"a network needs at least 2 classes, got {n_classes}")
    if isinstance(spec, ResNetSpec):
        check_resnet(spec, input_shape)
    else:
        check_msdnet(spec, input_shape)


def build_network(
    spec: MSDNetSpec | ResNetSpec, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
) -> "MultiExitNetwork":
    """Return the network of a specification, its weights drawn from the generator alone."""
    if isinstance(spec, ResNetSpec):
        from overthink.networks.resnet import build_resnet

        return build_resnet(spec, input_shape, n_classes, generator)
    from overthink.networks.msdnet import build_msdnet

    return build_msdnet(spec, input_shape, n_classes, generator)


def attach(network: "MultiExitNetwork", spec: "CollaborationSpec", generator: "torch.Generator") -> "MultiExitNetwork":
    """Return the network with what a phase attaches to it; the network itself becomes part of it."""
    from overthink.networks.collaboration import attach_collaboration

    return attach_collaboration(network, spec, generator)
