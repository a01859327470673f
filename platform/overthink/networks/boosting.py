"""Boosted exits: each adds to the logits of the one before it (Yu et al. 2022)."""

from typing import cast

from torch import Tensor, nn

from overthink.networks.connected import ConnectedNetwork, check_unconnected
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork, Part, Reading


class Boosted(nn.Module):
    """E_i = f_i + share * E_{i-1}, without gradient to E_{i-1}."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, logits_BC: Tensor, earlier_BC: Tensor) -> Tensor:
        """Return the boosted logits."""
        return logits_BC + self.share * earlier_BC.detach()

    def own_mul_adds(self, given: Tensor, output: Tensor) -> int:
        """Return one for each class."""
        return output.numel()


class BoostedNetwork(ConnectedNetwork):
    """A network whose exits correct those before them."""

    def __init__(self, inner: MultiExitNetwork, share: float) -> None:
        check_unconnected(inner)
        super().__init__(inner)
        self.boosts = nn.ModuleList(Boosted(share) for _ in range(inner.n_exits - 1))

    @property
    def parts(self) -> tuple[Part, ...]:
        """For each exit, its block, its head, and what adds to it."""
        first, *later = self.inner.parts
        return (first, *((*part, boost) for part, boost in zip(later, self.boosts, strict=True)))

    def exit_logits(self, number: int, reading: Reading, earlier_output: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return logits_BC of exit `number` (from 1), which the next exit reads, too."""
        logits_BC: Tensor = cast(ExitHead, self.exits[number - 1]).classify(reading.features_BF)
        if earlier_output is not None:
            logits_BC = self.boosts[number - 2](logits_BC, earlier_output)
        return logits_BC, logits_BC
