"""The layers of the network, and the same network as one torch module."""

import torch
from torch import Tensor, nn

from overthink.networks.multi_exit import ExitHead, MapFeatures, PlainNetwork, State
from overthink.networks.weights import draw_weights


class Block(nn.Module):
    """A convolution at one scale."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())

    def forward(self, state: State) -> State:
        """Return the next state."""
        return (self.layers(state[-1]),)


class Pooled(MapFeatures):
    """The mean over each map."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def maps(self, state: State) -> Tensor:
        """Return the maps as they are."""
        return state[-1]

    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF."""
        features_BF: Tensor = self.pool(maps_BFHW).flatten(1)
        return features_BF


def plain_cnn(channels: int, width: int, blocks: int, n_classes: int, generator: torch.Generator) -> PlainNetwork:
    """Return the network for images of that many channels."""
    with torch.random.fork_rng(devices=[]):
        network = PlainNetwork(
            [Block(width if number else channels, width) for number in range(blocks)],
            [ExitHead(Pooled(), width, n_classes) for _ in range(blocks)],
        )
    draw_weights(network, "he", generator)
    return network


class TwoExits(nn.Module):
    """For `kind: torch`: any module whose forward returns a list of logits."""

    def __init__(self, channels: int, classes: int, width: int = 8) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
            for inputs in (channels, width)
        )
        self.heads = nn.ModuleList(nn.Linear(width, classes) for _ in self.blocks)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return logits of both exits."""
        found, state = [], images
        for exit in (1, 2):
            logits, state = self.step(exit, state)
            found.append(logits)
        return found

    def step(self, exit: int, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of an exit (from 1), and what the next one continues from: early exits need this."""
        state = self.blocks[exit - 1](state)
        return self.heads[exit - 1](state.mean(dim=(2, 3))), state
