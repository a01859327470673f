"""The specification of Inline Subnetwork Collaboration; it imports no torch before `build`."""

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
    """What goes from exit i to exit i+1, to be concatenated with its features before its last layer.

    linear: ReLU(BN(W logits)), `width` numbers. identity: the logits as they are. convolution: the feature maps that
    exit i pools, through a 3x3 convolution to `width` channels, BatchNorm and ReLU, then pooled.
    """
    width: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Of a linear or convolutional connection."""
    gradient: bool = True
    """Whether exit i+1 also teaches exit i through the connection, as in the original."""
    last_layers: Literal["new", "grown"] = "new"
    """What becomes of the exits' last layers: drawn anew, as in the original, or kept, with zeros for what the
    connection adds, so that attaching changes no output beyond rounding (a wider product may add up in another order).
    """

    def build(self, network: "MultiExitNetwork", generator: "torch.Generator") -> "MultiExitNetwork":
        """Return the network with connections between its exits; see `attach_collaboration`."""
        from overthink.networks.collaboration import attach_collaboration

        return attach_collaboration(network, self, generator)
