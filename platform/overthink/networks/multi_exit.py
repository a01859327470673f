"""What every multi-exit network is: blocks in a row, and an exit after each."""

from collections.abc import Iterator
from typing import cast

from torch import Tensor, nn

State = tuple[Tensor, ...]
"""Feature maps on the way through a network, finest scale first, each (B, channels, height, width)."""


class ExitHead(nn.Module):
    """An exit in two parts, so that others can stand between them: features, and the last layer on them."""

    def __init__(self, features: nn.Module, width: int, n_classes: int) -> None:
        super().__init__()
        self.features = features
        """State -> features_BF."""
        self.classify = nn.Linear(width, n_classes)
        self.width = width
        """F, the number of features."""

    def forward(self, state: State) -> Tensor:
        """Return logits_BC."""
        return cast(Tensor, self.classify(self.features(state)))


class MultiExitNetwork(nn.Module):
    """Blocks 1..E and exits 1..E. Block i maps the state after block i-1 (first: the images) to the next state."""

    def __init__(self, blocks: list[nn.Module], exits: list[ExitHead]) -> None:
        super().__init__()
        assert len(blocks) == len(exits)
        self.blocks = nn.ModuleList(blocks)
        self.exits = nn.ModuleList(exits)

    @property
    def n_exits(self) -> int:
        """E."""
        return len(self.exits)

    def states(self, images_BKHW: Tensor) -> Iterator[State]:
        """Yield the state after each block; who stops asking stops the computing."""
        state: State = (images_BKHW,)
        for block in self.blocks:
            state = block(state)
            yield state

    def forward(self, images_BKHW: Tensor) -> tuple[Tensor, ...]:
        """Return logits_BC of exits 1..E."""
        states = self.states(images_BKHW)
        return tuple(head(state) for head, state in zip(self.exits, states, strict=True))
