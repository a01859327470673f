"""Classifiers of torchvision with exits: the model's own answers, real early exits, costs, names that do not exist."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from overthink.definition.errors import DefinitionError
from overthink.inference.grad_cam import grad_cam
from overthink.networks.cost import mul_adds
from overthink.networks.multi_exit import Carry, MultiExitNetwork
from overthink.networks.torchvision_network import TorchvisionNetwork, with_exits
from overthink.networks.torchvision_spec import TorchvisionSpec
from overthink.plugins.modules import own_definition
from overthink.running.run import train
from overthink.testing import check_network
from support.file_server import serving
from support.small import small

SHAPE = (3, 32, 32)
RESNET = TorchvisionSpec(kind="torchvision", model="resnet18", exits=("layer1", "layer2", "layer3"))
MOBILE = TorchvisionSpec(kind="torchvision", model="mobilenet_v3_small", exits=("features.3", "features.8"))


def images(count: int = 2, size: int = 32) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def built(spec: TorchvisionSpec, classes: int = 10) -> TorchvisionNetwork:
    network = spec.build(SHAPE, classes, torch.Generator().manual_seed(0)).eval()
    assert isinstance(network, TorchvisionNetwork)
    return network


def vit() -> nn.Module:
    """A vision transformer that is as small as it can be."""
    sizes = {"num_layers": 3, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
    model: nn.Module = torchvision.models.VisionTransformer(image_size=32, patch_size=8, num_classes=10, **sizes)
    return model


@pytest.mark.parametrize("spec", [RESNET, MOBILE], ids=lambda spec: spec.model)
def test_they_are_networks_like_any_other(spec: TorchvisionSpec) -> None:
    check_network(spec, SHAPE)


@pytest.mark.parametrize("name,exits", [("resnet18", RESNET.exits), ("mobilenet_v3_small", MOBILE.exits)])
def test_exits_read_what_torchvisions_extractor_gives_and_the_end_is_the_models(
    name: str, exits: tuple[str, ...]
) -> None:
    model = torchvision.models.get_model(name, weights=None, num_classes=10).eval()
    network = built(TorchvisionSpec(kind="torchvision", model=name, exits=exits))
    network.load_model(model.state_dict())
    with torch.no_grad():
        wanted = create_feature_extractor(model, list(exits))(images())
        states = list(network.states(images()))
        for exit, state in zip(exits, states[:-1], strict=True):
            torch.testing.assert_close(state[-1], wanted[exit])
        torch.testing.assert_close(network(images())[-1], model(images()))
        pooled_BF = wanted[exits[0]].mean(dim=(2, 3))
        torch.testing.assert_close(network(images())[0], network.exits[0].classify(pooled_BF))  # type: ignore[operator]


def test_a_vision_transformer_exits_by_its_class_token() -> None:
    torch.manual_seed(0)
    model = vit().eval()
    state = {name: tensor + 0.1 for name, tensor in model.state_dict().items()}  # its head is 0 at first
    model.load_state_dict(state)
    exits = ["encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1"]
    network = with_exits("vit", model, exits, SHAPE, 10).eval()
    network.load_model(state)
    with torch.no_grad():
        logits = network(images())
        torch.testing.assert_close(logits[-1], model(images()))
        tokens_BTF = create_feature_extractor(model, exits[:1])(images())[exits[0]]
        torch.testing.assert_close(logits[0], network.exits[0].classify(tokens_BTF[:, 0]))  # type: ignore[operator]
        carry = Carry((images(),))
        for number in (1, 2, 3):
            logits_BC, carry = network.step(number, carry)
            torch.testing.assert_close(logits_BC, logits[number - 1])


def test_an_exit_computes_nothing_behind_it() -> None:
    network = built(RESNET)
    called: list[str] = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _m, _i, _o, name=name: called.append(name))
    with torch.no_grad():
        next(iter(network.logits(images())))
    assert len(called) == 5  # the stem and two blocks of two
    assert all(name.startswith("blocks.0.") for name in called)


def test_cuts_inside_a_residual_block_pass_both_branches_on() -> None:
    exits = ("layer1.0.bn2", "layer1.1.conv1", "layer2.0.downsample")
    spec = TorchvisionSpec(kind="torchvision", model="resnet18", exits=exits)
    check_network(spec, SHAPE)
    model = torchvision.models.resnet18(num_classes=10).eval()
    network = built(spec)
    network.load_model(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(network(images())[-1], model(images()))
    assert [len(state) for state in network.states(images())] == [2, 2, 2, 1]


def test_costs_are_those_of_the_layers_by_hand() -> None:
    network = built(RESNET, classes=7)
    # 32x32: stem 7x7 stride 2 at 16x16, pool 3x3 at 8x8; a block: two 3x3 convolutions and two ReLUs at 8x8.
    stem = 16 * 16 * 64 * 3 * 49 + 16 * 16 * 64 + 8 * 8 * 64 * 9
    layer1 = 4 * 8 * 8 * 64 * 64 * 9 + 4 * 8 * 8 * 64
    head1 = 8 * 8 * 64 + 64 * 7 + 7
    layer2 = (4 * 4 * 128 * 64 * 9) + 3 * (4 * 4 * 128 * 128 * 9) + 4 * 4 * 128 * 64 + 4 * 4 * 4 * 128
    head2 = 4 * 4 * 128 + 128 * 7 + 7
    first, second, *_ = mul_adds(network, SHAPE)
    assert first == stem + layer1 + head1
    assert second - first == layer2 + head2


def test_costs_of_attention_by_hand() -> None:
    network = with_exits("vit", vit(), ["encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1"], SHAPE, 10)
    first, second, last = mul_adds(network, SHAPE)
    tokens, width, hidden = 17, 16, 32
    attention = tokens * (4 * width * width + 4 * width) + 2 * tokens * tokens * width
    perceptron = tokens * (2 * width * hidden + hidden + width) + tokens * hidden  # with its GELU
    block = attention + perceptron + 2 * tokens * width  # and two LayerNorms
    head = width * 10 + 10
    assert second - first == block + head
    assert last - second == block + tokens * width + head
    assert first == block + head + 16 * (width * 3 * 64 + width)


def test_grad_cam_of_every_exit_of_a_convolutional_network_and_none_of_a_transformer() -> None:
    labels_EB = torch.zeros(4, 2, dtype=torch.int64)
    assert grad_cam(built(RESNET), images(), labels_EB).shape == (4, 2, 32, 32)
    with pytest.raises(ValueError, match="Grad-CAM is of feature maps, and exit 1"):
        grad_cam(with_exits("vit", vit(), ["encoder.layers.encoder_layer_0"], SHAPE, 10), images(), labels_EB[:2])


def test_an_exit_at_the_last_map_leaves_the_end_its_pooling() -> None:
    spec = TorchvisionSpec(kind="torchvision", model="mobilenet_v3_small", exits=("features.12",))
    check_network(spec, SHAPE)
    model = torchvision.models.mobilenet_v3_small(num_classes=10).eval()
    network = built(spec)
    network.load_model(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(network(images())[-1], model(images()))


@pytest.mark.parametrize(
    "model,exits,message",
    [
        ("resnet81", (), "network.model: no classifier 'resnet81' that takes exits; there are resnet"),
        ("swin_t", (), "no classifier 'swin_t'"),
        ("resnet18", ("layer5",), r"network\.exits: no module or node layer5; there are layer"),
        ("resnet18", ("layer2", "layer1"), "layer1 does not come after the exit before it"),
        ("resnet18", ("layer1", "layer1"), "layer1 does not come after the exit before it"),
        ("resnet18", ("fc",), "does not come after the exit before it and before the last layer"),
        ("squeezenet1_0", (), "network.model: .*is not linear"),
        ("googlenet", (), "no classifier 'googlenet'"),
    ],
)
def test_what_is_not_there_is_one_sentence(model: str, exits: tuple[str, ...], message: str) -> None:
    spec = TorchvisionSpec(kind="torchvision", model=model, exits=exits)
    with own_definition(), pytest.raises(ValueError, match=message) as caught:
        spec.resolved(SHAPE, 10)
    assert "\n" not in str(caught.value)


def test_images_that_it_cannot_take() -> None:
    with own_definition():
        with pytest.raises(ValueError, match="takes images of 3 channels, not 1"):
            RESNET.resolved((1, 32, 32), 10)
        with pytest.raises(ValueError, match=r"network\.model: "):
            TorchvisionSpec(kind="torchvision", model="vit_b_16").resolved((3, 30, 30), 10)


def test_published_weights_are_fetched_by_runs_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def offline(url: str, *_args: object, **_kwargs: object) -> None:
        asked.append(url)
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with own_definition():
        spec = TorchvisionSpec(kind="torchvision", model="resnet18", weights="DEFAULT").resolved(SHAPE, 10)
        with pytest.raises(ValueError, match="resnet18 has IMAGENET1K_V1, DEFAULT and none, not 'BEST'"):
            TorchvisionSpec(kind="torchvision", model="resnet18", weights="BEST").resolved(SHAPE, 10)
    assert (spec.weights, spec.label) == ("IMAGENET1K_V1", "resnet18 1 exit IMAGENET1K_V1")
    network = spec.build(SHAPE, 10, torch.Generator())
    assert asked == []
    with pytest.raises(ValueError, match=r"network\.weights: IMAGENET1K_V1 of resnet18 could not be fetched"):
        spec.load_pretrained(network)
    assert len(asked) == 1


def test_published_weights_come_over_http_are_checked_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = torchvision.models.mobilenet_v3_small()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    content = (tmp_path / "weights.pth").read_bytes()
    file = tmp_path / f"small-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    published = torchvision.models.MobileNet_V3_Small_Weights.IMAGENET1K_V1
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    spec, network = mobilenet()
    with serving(tmp_path) as url:
        monkeypatch.setattr(published.value, "url", f"{url}/{file.name}")
        file.write_bytes(content[:-1])
        with pytest.raises(ValueError, match=r"could not be fetched .*invalid hash value"):
            spec.load_pretrained(network)
        file.write_bytes(content)
        spec.load_pretrained(network)
    spec.load_pretrained(network)  # without the server
    stem = "features.0.0.weight"
    assert torch.equal(network.state_dict()[f"blocks.0.part.{stem}"], theirs.state_dict()[stem])


def test_a_pickle_in_place_of_published_weights_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fetched(tmp_path, monkeypatch, {"features.0.0.weight": Touches(tmp_path / "ran")})
    spec, network = mobilenet()
    with pytest.raises(ValueError, match="it is no file of weights alone"):
        spec.load_pretrained(network)
    assert not (tmp_path / "ran").exists()


def fetched(folder: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]) -> None:
    """Save a state where torch keeps the published weights of mobilenet_v3_small."""
    published = torchvision.models.MobileNet_V3_Small_Weights.IMAGENET1K_V1
    place = folder / "checkpoints" / published.url.rsplit("/", 1)[-1]
    place.parent.mkdir()
    torch.save(state, place)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(folder))


class Touches:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def mobilenet() -> tuple[TorchvisionSpec, MultiExitNetwork]:
    """Return a specification with published weights, and its network."""
    with own_definition():
        spec = TorchvisionSpec(
            kind="torchvision", model="mobilenet_v3_small", weights="DEFAULT", exits=("features.3",)
        ).resolved(SHAPE, 10)
    return spec, spec.build(SHAPE, 10, torch.Generator())


def test_a_models_weights_with_other_classes_leave_the_last_layer_as_drawn() -> None:
    network = built(RESNET, classes=7)
    last, stem = "exits.3.classify.weight", "blocks.0.part.conv1.weight"
    before = network.state_dict()[last].clone()
    state = torchvision.models.resnet18(num_classes=10).state_dict()
    network.load_model(state)
    after = network.state_dict()
    assert torch.equal(after[last], before)
    assert torch.equal(after[stem], state["conv1.weight"])
    del state["conv1.weight"]
    with pytest.raises(ValueError, match=r"lacks conv1\.weight"):
        network.load_model(state)


def test_a_run_with_a_frozen_pretrained_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images_NHWK, labels_N = rng.integers(0, 256, (20, 32, 32, 3)).astype(np.uint8), np.arange(20) % 3
    np.savez(tmp_path / "own.npz", x_train=images_NHWK, y_train=labels_N, x_test=images_NHWK[::-1], y_test=labels_N)
    published = torchvision.models.mobilenet_v3_small().state_dict()
    fetched(tmp_path, monkeypatch, published)
    data = {"kind": "npz", "path": "own.npz", "shape": [3, 32, 32], "classes": 3}
    network = {"kind": "torchvision", "model": "mobilenet_v3_small", "weights": "DEFAULT", "exits": ["features.3"]}
    frozen = [{"epochs": 1, "batch_size": 8, "freeze": "backbone"}]
    run = small(tmp_path, dataset=data, network=network, regime=frozen).groups[0].runs[0]
    assert run.network.model_dump()["weights"] == "IMAGENET1K_V1"
    list(train(run, tmp_path, "cpu", data_root=tmp_path))
    from safetensors.torch import load_file

    stored = load_file(tmp_path / "checkpoint.safetensors")
    stem = "features.0.0.weight"
    assert torch.equal(stored[f"network/blocks.0.part.{stem}"], published[stem])
    with pytest.raises(DefinitionError, match=r"regime\.0\.freeze: backbone cannot be frozen in the first phase"):
        small(tmp_path, dataset=data, network=network | {"weights": "none"}, regime=frozen)
