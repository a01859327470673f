"""Classifiers of torchvision with exits where a person says.

An exit pools the maps that it reads to one number a channel, or takes the class token of a vision transformer (Wójcik
et al. 2023 do the same), and has one linear layer. The model's own last layer becomes the last exit's.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor, nn

from overthink.networks.foreign_weights import tensors_in
from overthink.networks.graph_segments import segments_of
from overthink.networks.multi_exit import ExitHead, MapFeatures, MultiExitNetwork, PlainNetwork, State
from overthink.networks.pooled_maps import PooledMaps
from overthink.sentences import cut, listed
from overthink.untrusted import one_line

NO_EXITS = ("swin", "googlenet", "inception")
"""Beginnings of models whose maps have channels last, or that have other outputs in training."""
PART = ".part."
LAST_LAYER = "classify"


class AsTheModelDoes(MapFeatures):
    """What a model makes of its last map: pooling, and sometimes more layers."""

    def __init__(self, end: nn.Module) -> None:
        super().__init__()
        self.end = end

    def maps(self, state: State) -> Tensor:
        """Return maps_BFHW."""
        return state[-1]

    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF of maps."""
        (features_BF,) = cast(State, self.end((maps_BFHW,)))
        return features_BF.flatten(1)


class ClassToken(nn.Module):
    """The first token of a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()

    def forward(self, state: State) -> Tensor:
        """Return features_BF."""
        return cast(Tensor, self.flatten(state[-1][:, 0]))


class AsTheyAre(nn.Module):
    """Features that are a vector already."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()

    def forward(self, state: State) -> Tensor:
        """Return features_BF."""
        return cast(Tensor, self.flatten(state[-1]))


class TorchvisionNetwork(PlainNetwork):
    """Segments of a model and their exits."""

    can_fold = False

    def __init__(self, name: str, blocks: list[nn.Module], exits: list[ExitHead], last_layer: str) -> None:
        super().__init__(blocks, exits)
        self.name, self.last_layer = name, last_layer

    @property
    def obstacle_to_kernels(self) -> str:
        """Say that only torch can compute it."""
        return f"{self.name} of torchvision"

    @property
    def notes(self) -> tuple[str, ...]:
        """What its cost counts and what not."""
        return (
            f"MUL-ADDs of {self.name} are those of its layers; sums and products of maps, and what it computes by "
            "functions, are not counted",
        )

    def load_model(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of a whole model under its own names; those of its last layer only for as many classes.

        Raises ValueError where a weight is missing or has another shape.
        """
        own = self.state_dict()
        named = {name: name.split(PART, 1)[1] for name in own if PART in name}
        last = f"exits.{self.n_exits - 1}.{LAST_LAYER}"
        if len(weights.get(f"{self.last_layer}.bias", ())) == self.n_classes:
            named |= {f"{last}.{one}": f"{self.last_layer}.{one}" for one in ("weight", "bias")}
        if missing := [theirs for theirs in named.values() if theirs not in weights]:
            raise ValueError(f"network.weights: {self.name} lacks {listed(missing)}")
        for name, theirs in named.items():
            if own[name].shape != weights[theirs].shape:
                raise ValueError(
                    f"network.weights: {theirs} of {self.name} has shape {tuple(weights[theirs].shape)}, and for these "
                    f"images {tuple(own[name].shape)}"
                )
        self.load_state_dict(own | {name: weights[theirs] for name, theirs in named.items()})


def build_torchvision(
    name: str,
    exits: Sequence[str],
    input_shape: tuple[int, int, int],
    n_classes: int,
    generator: torch.Generator,
) -> TorchvisionNetwork:
    """Return a model of torchvision with exits; all weights are drawn, and follow from the generator alone.

    Raises ValueError where there is no such model or module, or where it cannot take these images.
    """
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return with_exits(name, _model(name, input_shape), exits, input_shape, n_classes)


def with_exits(
    name: str, model: nn.Module, exits: Sequence[str], input_shape: tuple[int, int, int], n_classes: int
) -> TorchvisionNetwork:
    """Return a model, whose last layer is linear, with exits."""
    cut_up = segments_of(model, exits, torch.zeros(1, *input_shape))
    tokens = isinstance(getattr(model, "class_token", None), nn.Parameter)
    heads = [_head(*one, tokens, n_classes) for one in zip(exits, cut_up.shapes[:-1], strict=True)]
    features = AsTheyAre() if cut_up.end is None else AsTheModelDoes(cut_up.end)
    heads.append(ExitHead(features, cut_up.width, n_classes))
    return TorchvisionNetwork(name, cut_up.segments, heads, cut_up.last_layer)


def _head(exit: str, shape: tuple[int, ...], tokens: bool, n_classes: int) -> ExitHead:
    match shape:
        case (channels, _, _):
            return ExitHead(PooledMaps(), channels, n_classes)
        case (_, width) if tokens:
            return ExitHead(ClassToken(), width, n_classes)
        case (width,):
            return ExitHead(AsTheyAre(), width, n_classes)
    raise ValueError(f"network.exits: {exit} gives features of shape {shape} an image, which are no maps and no tokens")


def load_published(network: MultiExitNetwork, model: str, weights: str) -> None:
    """Load weights that torchvision publishes, fetched on first use; raises ValueError where they are not to be had."""
    assert isinstance(network, TorchvisionNetwork)
    published = published_weights(model, weights)
    place = Path(torch.hub.get_dir()) / "checkpoints" / published.url.rsplit("/", 1)[-1]
    try:
        _fetch(published.url, place)
    except (OSError, URLError, RuntimeError) as error:
        raise ValueError(
            f"network.weights: {weights} of {model} could not be fetched ({cut(one_line(str(error)), 120)}); put "
            f"{published.url} at {place}, or draw the weights with weights: none"
        ) from None
    network.load_model(tensors_in(place, network.state_dict()))


def _fetch(url: str, place: Path) -> None:
    """Fetch a file that has the beginning of its SHA-256 in its name, unless it is there."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(place), place.stem.rsplit("-", 1)[-1], progress=False)


def published_weights(model: str, weights: str) -> Any:
    """Return torchvision's description of a model's weights; raises ValueError where there are none of that name."""
    _check_name(model)
    found = torchvision.models.get_model_weights(model)
    if weights not in found.__members__:
        raise ValueError(f"network.weights: {model} has {listed([*found.__members__, 'none'])}, not {weights!r}")
    return found[weights]


def _model(name: str, input_shape: tuple[int, int, int]) -> nn.Module:
    _check_name(name)
    channels, height, width = input_shape
    if channels != 3:
        raise ValueError(f"network.model: {name} takes images of 3 channels, not {channels}")
    of_size: dict[str, Any] = {}
    if name.startswith("vit_"):
        if height != width:
            raise ValueError(f"network.model: {name} takes square images, not {height}x{width}")
        of_size = {"image_size": height}
    try:
        return cast(nn.Module, torchvision.models.get_model(name, weights=None, **of_size))
    except (AssertionError, RuntimeError, ValueError, TypeError) as error:
        if str(error).startswith("network: more than") or "allocate" in str(error):
            raise  # `limited_size` says it
        raise ValueError(f"network.model: {name}: {cut(one_line(str(error)), 200)}") from None


def _check_name(name: str) -> None:
    known = [one for one in torchvision.models.list_models(module=torchvision.models) if not one.startswith(NO_EXITS)]
    if name not in known:
        near = get_close_matches(name, known, n=3) or ["resnet18", "mobilenet_v3_small", "vit_b_16"]
        raise ValueError(f"network.model: no classifier {name!r} that takes exits; there are {listed(near)}")
