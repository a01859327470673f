"""A wrapper of a network in which every exit also reads something of the one before it."""

from torch import Tensor, nn

from overthink.networks.multi_exit import MultiExitNetwork


class ConnectedNetwork(MultiExitNetwork):
    """The blocks and exits of another network, with connections from every exit to the next."""

    def __init__(self, inner: MultiExitNetwork) -> None:
        super().__init__()
        self.inner = inner

    @property
    def blocks(self) -> nn.ModuleList:  # type: ignore[override]
        """Blocks 1..E."""
        return self.inner.blocks

    @property
    def exits(self) -> nn.ModuleList:  # type: ignore[override]
        """Exits 1..E."""
        return self.inner.exits

    @property
    def last_exit_reads(self) -> tuple[int, ...]:
        """All exits: each reads the one before it."""
        return tuple(range(1, self.n_exits + 1))

    def last_logits(self, images_BKHW: Tensor) -> Tensor:
        """Return logits_BC of the last exit, which depends on all exits before it."""
        *_, logits_BC = self.logits(images_BKHW)
        return logits_BC


def check_unconnected(network: MultiExitNetwork) -> None:
    """Raise ValueError where exits of a network are connected already."""
    if isinstance(network, ConnectedNetwork):
        raise ValueError("attach: the network has connections between its exits already")
