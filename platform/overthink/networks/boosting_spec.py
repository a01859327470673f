"""The specification of boosted exits; only `build` imports torch."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from overthink.spec import Spec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class BoostingSpec(Spec):
    """Boosted exits (Yu et al. 2022): E_i = f_i + share * E_{i-1}, where f_i are the logits of exit i alone.

    Exits answer with E_i. No gradient flows to E_{i-1}, so that with a joint cross-entropy each exit learns what those
    before it leave to learn: the authors' loss. They also balance gradients (`gradient_equilibrium`).
    """

    kind: Literal["boosted"]
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of the logits before; the authors' value."""

    def build(self, network: "MultiExitNetwork", generator: "torch.Generator") -> "MultiExitNetwork":
        """Return the network with boosted exits; nothing is drawn. Raises ValueError where exits are connected."""
        from overthink.networks.boosting import BoostedNetwork

        return BoostedNetwork(network, self.share)
