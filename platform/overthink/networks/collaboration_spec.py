"""The specification of Inline Subnetwork Collaboration; only `build` imports torch."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from overthink.spec import Spec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class CollaborationSpec(Spec):
    """Inline Subnetwork Collaboration (Li et al. 2019; thesis section 3.4): a connection from every exit to the next.

    The thesis leaves the connection open ("several convolutional layers or simply the identity function"); the
    original authors' code uses `linear`.
    """

    kind: Literal["isc"]
    connection: Literal["linear", "identity", "convolution"] = "linear"
    """What exit i passes to exit i+1, which concatenates it with its features before its last layer.

    linear: ReLU(BN(W logits)), `width` numbers. identity: the logits as they are. convolution: the feature maps that
    exit i pools, through a 3x3 convolution to `width` channels, BatchNorm and ReLU, then pooled.
    """
    width: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Output width of a linear or convolutional connection."""
    gradient: bool = True
    """Whether the gradient of exit i+1 flows back to exit i through the connection, as in the original."""
    last_layers: Literal["new", "grown"] = "new"
    """The exits' last layers: newly drawn, as in the original, or kept and extended by zero weights for the connection,
    so that attaching changes outputs by rounding only.
    """

    def build(self, network: "MultiExitNetwork", generator: "torch.Generator") -> "MultiExitNetwork":
        """Return the network with connections between its exits; see `attach_collaboration`."""
        from overthink.networks.collaboration import attach_collaboration

        return attach_collaboration(
            network,
            generator,
            connection=self.connection,
            width=self.width,
            gradient=self.gradient,
            last_layers=self.last_layers,
        )
