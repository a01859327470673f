"""Inline Subnetwork Collaboration: a wrapper in which every exit also reads the output of the one before it."""

from typing import Literal, cast

import torch
from torch import Tensor, nn

from overthink.networks.connected import ConnectedNetwork, check_unconnected
from overthink.networks.multi_exit import ExitHead, MapFeatures, MultiExitNetwork, Part, Reading
from overthink.networks.weights import draw_weights

Connection = Literal["linear", "identity", "convolution"]


class CollaborativeNetwork(ConnectedNetwork):
    """A network whose exits concatenate a connection with their features (thesis section 3.4)."""

    def __init__(self, inner: MultiExitNetwork, connections: list[nn.Module], reads_maps: bool, gradient: bool) -> None:
        super().__init__(inner)
        self.connections = nn.ModuleList(connections)
        self._reads_maps = reads_maps
        self._gradient = gradient

    @property
    def parts(self) -> tuple[Part, ...]:
        """For each exit, its block, its head, and the connection to it."""
        first, *later = self.inner.parts
        return (first, *((*part, connection) for part, connection in zip(later, self.connections, strict=True)))

    def exit_logits(self, number: int, reading: Reading, earlier_output: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return logits_BC of exit `number` (from 1) and the output that the next exit reads."""
        features_BF = reading.features_BF
        if earlier_output is not None:
            features_BF = torch.cat([features_BF, self.connections[number - 2](earlier_output)], dim=1)
        logits_BC = cast(ExitHead, self.exits[number - 1]).classify(features_BF)
        exit_output = reading.maps_BFHW if self._reads_maps else logits_BC
        if not self._gradient and exit_output is not None:
            exit_output = exit_output.detach()
        return logits_BC, exit_output


def attach_collaboration(
    network: MultiExitNetwork,
    generator: torch.Generator,
    *,
    connection: Connection,
    width: int,
    gradient: bool,
    last_layers: Literal["new", "grown"],
) -> CollaborativeNetwork:
    """Return the network with connections between its exits; its last layers are changed in place.

    The values are those of the specification. New weights are PyTorch's default, drawn from the generator alone. Raises
    ValueError if the network has connections already, or if connections need feature maps and an exit has none.
    """
    check_unconnected(network)
    heads = [cast(ExitHead, head) for head in network.exits]
    if connection == "convolution" and not all(isinstance(head.features, MapFeatures) for head in heads):
        raise ValueError("attach.connection: convolution needs exits with feature maps, which this network lacks")
    with torch.random.fork_rng(devices=[]):
        connections = [_connection(connection, width, head) for head in heads[:-1]]
        widths = [head.classify.out_features if connection == "identity" else width for head in heads[:-1]]
        lasts = [_last_layer(head, extra) for head, extra in zip(heads, [0, *widths], strict=True)]
    draw_weights(nn.ModuleList([*connections, *lasts]), "torch", generator)
    for head, last in zip(heads, lasts, strict=True):
        if last_layers == "grown":
            _keep(head.classify, last)
        head.classify = last
    device = next(network.parameters()).device
    return CollaborativeNetwork(network, connections, connection == "convolution", gradient).to(device)


def _connection(kind: Connection, width: int, head: ExitHead) -> nn.Module:
    match kind:
        case "linear":
            linear = nn.Linear(head.classify.out_features, width)
            return nn.Sequential(linear, nn.BatchNorm1d(width), nn.ReLU(inplace=True))
        case "convolution":
            channels = cast(MapFeatures, head.features).channels or head.width
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            pooling = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
            return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True), *pooling)
    return nn.Identity()


def _last_layer(head: ExitHead, extra: int) -> nn.Linear:
    return nn.Linear(head.width + extra, head.classify.out_features)


@torch.no_grad()
def _keep(old: nn.Linear, new: nn.Linear) -> None:
    new.weight.zero_()
    new.weight[:, : old.in_features] = old.weight
    new.bias.copy_(old.bias)
