"""The specification of torchvision's classifiers with exits; torchvision is imported where it is used."""

from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field

from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.plugins import modules

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork

NONE, DEFAULT = "none", "DEFAULT"
Node = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$", max_length=200)]


class TorchvisionSpec(AbstractNetworkSpec):
    """A classifier of torchvision with exits behind modules that a person names; the last exit is the model's end."""

    kind: Literal["torchvision"]
    model: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
    """Its name in torchvision, such as `resnet18`."""
    weights: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=100)] = NONE
    """`none`: drawn from the run's seed. `DEFAULT`, or a name such as `IMAGENET1K_V1`: what torchvision publishes."""
    exits: tuple[Node, ...] = ()
    """Modules or nodes, in the order of the network, as torchvision's `get_graph_node_names` lists them."""

    @property
    def blocks(self) -> int:
        """Number of exits, the last included."""
        return len(self.exits) + 1

    @property
    def label(self) -> str:
        """A short name: model, number of exits, weights."""
        exits = f"{self.blocks} exit{'s' if self.exits else ''}"
        return f"{self.model} {exits}{f' {self.weights}' if self.is_pretrained else ''}"

    @property
    def is_pretrained(self) -> bool:
        """Whether a run starts from published weights."""
        return self.weights != NONE

    def resolved(self, input_shape: tuple[int, int, int], n_classes: int) -> Self:
        """Return the specification with `DEFAULT` replaced by the name of the weights that it means here.

        Called when a person's definition is read; raises ValueError where the model or an exit does not exist.
        """
        if not modules.reads_own_definition():
            return self
        _check(self.model, self.exits, input_shape, n_classes)
        if not self.is_pretrained:
            return self
        from overthink.networks.torchvision_network import published_weights

        return self.model_copy(update={"weights": published_weights(self.model, self.weights).name})

    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network for images (K, H, W), all its weights drawn from the generator: nothing is fetched."""
        from overthink.networks.torchvision_network import build_torchvision

        self.check(input_shape, n_classes)
        return build_torchvision(self.model, self.exits, input_shape, n_classes, generator)

    def load_pretrained(self, network: "MultiExitNetwork") -> None:
        """Load published weights, if asked for; raises ValueError where they cannot be fetched or do not fit."""
        from overthink.networks.torchvision_network import load_published

        if self.is_pretrained:
            load_published(network, self.model, self.weights)


@cache
def _check(model: str, exits: tuple[str, ...], input_shape: tuple[int, int, int], n_classes: int) -> None:
    import torch

    from overthink.networks.size_limit import limited_size
    from overthink.networks.torchvision_network import build_torchvision

    with limited_size():
        build_torchvision(model, exits, input_shape, n_classes, torch.Generator())
