"""Weights of other programs: names, files that do not fit, files that would run code, and MSDNet-PyTorch's networks."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, linear

from overthink.networks.foreign_weights import renamed
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.resnet_spec import ResNetSpec
from overthink.networks.weights_spec import WeightsSpec

SHAPE = (3, 8, 8)
SPEC = ResNetSpec(kind="resnet", layers=(1,), width=4)


def built(seed: int = 0) -> torch.nn.Module:
    return SPEC.build(SHAPE, 3, torch.Generator().manual_seed(seed))


def spec(path: Path, **more: object) -> WeightsSpec:
    return WeightsSpec(file=str(path), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth", "w.tar"])
def test_a_file_of_each_kind_gives_its_weights(tmp_path: Path, name: str) -> None:
    trained, network = built(1), built(0)
    state = {f"module.{key}": value for key, value in trained.state_dict().items() if not key.endswith("tracked")}
    if name.endswith("safetensors"):
        save_file(state, tmp_path / name)
    else:
        whole = {"epoch": 3, "state_dict": state, "best": torch.tensor(0.5)}
        torch.save(state if name == "w.pt" else whole, tmp_path / name)
    spec(tmp_path / name, names={"module.": ""}).load_into(network)  # type: ignore[arg-type]
    images_BKHW = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(5))
    assert torch.equal(network.eval()(images_BKHW)[0], trained.eval()(images_BKHW)[0])


def test_the_key_is_of_the_content(tmp_path: Path) -> None:
    save_file(built(1).state_dict(), tmp_path / "w.safetensors")
    one = spec(tmp_path / "w.safetensors").resolved()
    assert len(one.sha256 or "") == 64
    save_file(built(2).state_dict(), tmp_path / "w.safetensors")
    assert spec(tmp_path / "w.safetensors").resolved().sha256 != one.sha256
    with pytest.raises(ValueError, match=r"has SHA-256 [0-9a-f]{64}, not .*it is another file"):
        one.load_into(built())  # type: ignore[arg-type]
    (tmp_path / "w.safetensors").unlink()
    assert one.resolved() == one
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        one.load_into(built())  # type: ignore[arg-type]


def test_names_and_shapes_that_do_not_fit_are_one_sentence(tmp_path: Path) -> None:
    state = built(1).state_dict()
    path, network = tmp_path / "w.safetensors", built()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def refusal(weights: dict[str, Tensor], **more: object) -> str:
        save_file(weights, path)
        with pytest.raises(ValueError, match=r"w\.safetensors: ") as caught:
            spec(path, **more).load_into(network)  # type: ignore[arg-type]
        assert len(str(caught.value)) < 900
        return str(caught.value)

    last = "exits.0.classify"
    without = {name: tensor for name, tensor in state.items() if not name.startswith(last)}
    assert f"it lacks 2 weights {last}.weight and {last}.bias" in refusal(without)
    assert "the network lacks its 40 weights x0, x1, x10, x11 and 36 more" in refusal(
        state | {f"x{i}": torch.zeros(1) for i in range(40)}
    )
    assert "has shape (3, 5), but the network's has (3, 4)" in refusal(state | {f"{last}.weight": torch.zeros(3, 5)})
    assert "values that are no numbers" in refusal(state | {f"{last}.bias": torch.full((3,), torch.nan)})
    assert "none of the network's weights" in refusal({"x": torch.zeros(1)}, missing="draw", superfluous="ignore")
    assert "two of its weights are named" in refusal({"a.x": torch.zeros(1), "b.x": torch.zeros(1)}, names={"a.": "b."})
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())

    save_file(without | {"more": torch.zeros(1)}, path)
    spec(path, missing="draw", superfluous="ignore").load_into(network)  # type: ignore[arg-type]
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name], (state if name in without else before)[name]) for name in loaded)


class Runs:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it ran')",)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": Runs()}, tmp_path / "one.pt")
    (tmp_path / "two.pth").write_bytes(pickle.dumps(Runs()))
    (tmp_path / "three.pt").write_bytes(b"no file of torch")
    (tmp_path / "four.safetensors").write_bytes(b"\xff" * 100)
    torch.save([1, 2], tmp_path / "five.pt")
    for name in ("one.pt", "two.pth", "three.pt", "four.safetensors", "five.pt"):
        with pytest.raises(ValueError, match=f"{name}: it ") as caught:
            spec(tmp_path / name).load_into(built())  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_a_file_of_a_much_larger_network_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "w.pt").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(ValueError, match="of another network"):
        spec(tmp_path / "w.pt").load_into(built())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other, said",
    [
        (lambda: torch.full((3,), 1e300, dtype=torch.float64), "has values that are no numbers in float32"),
        (lambda: torch.zeros(3, dtype=torch.complex64), "is complex64, and the network's own weights are float32"),
        (lambda: torch.zeros(3, dtype=torch.int8), "is int8, and the network's own weights are float32"),
        (lambda: torch.zeros(3).to_sparse(), "is quantised, sparse or without values float32"),
        (lambda: torch.zeros(3, device="meta"), "is quantised, sparse or without values float32"),
        (
            lambda: torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
            "is quantised, sparse or without values",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*[qQ]uant", "ignore:.*TypedStorage", "ignore:.*Sparse")
def test_tensors_that_would_be_other_numbers_in_the_network(
    tmp_path: Path, other: Callable[[], Tensor], said: str
) -> None:
    """A quantised checkpoint was taken without a word, and what float32 cannot hold became infinite."""
    torch.save(built(1).state_dict() | {"exits.0.classify.bias": other()}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"w\.pt: .*" + said):
        spec(tmp_path / "w.pt").load_into(built())  # type: ignore[arg-type]


def test_half_precision_is_taken_as_it_is(tmp_path: Path) -> None:
    halves = {name: one.half() if one.is_floating_point() else one for name, one in built(1).state_dict().items()}
    torch.save(halves, tmp_path / "w.pt")
    network = built()
    spec(tmp_path / "w.pt").load_into(network)  # type: ignore[arg-type]
    assert torch.equal(network.state_dict()["exits.0.classify.bias"], halves["exits.0.classify.bias"].float())


def test_a_compressed_file_is_as_large_as_what_it_holds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("w/0", "w") as file:
        for _ in range(100):
            file.write(bytes(1_000_000))
    with pytest.raises(ValueError, match="it has 100,000,000 bytes, more than"):
        spec(tmp_path / "w.pt").load_into(built())  # type: ignore[arg-type]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.pt")
    with pytest.raises(ValueError, match="cannot be read: it is no file"):
        spec(tmp_path / "w.pt").load_into(built())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["~nobody-q/w.pt", "w" * 300 + ".pt"])
def test_a_name_that_no_file_has_here_is_an_absent_file(name: str) -> None:
    one = spec(Path(name), sha256="a" * 64)
    assert one.resolved() == one
    with pytest.raises(ValueError, match=r"weights.file: .* cannot be read"):
        one.load_into(built())  # type: ignore[arg-type]


class ByTheirNames:
    """MSDNet computed from weights under the names of MSDNet-PyTorch, without any module; the weights are drawn."""

    def __init__(self, scales: int, growth: int, channels: int, bottleneck: bool) -> None:
        self.weights: dict[str, Tensor] = {}
        self.generator = torch.Generator().manual_seed(3)
        self.scales, self.growth, self.channels, self.bottleneck = scales, growth, channels, bottleneck
        self.factors = (1, 2, 4)[:scales]

    def _drawn(self, name: str, *shape: int, low: float = -0.5) -> Tensor:
        drawn = torch.rand(shape, generator=self.generator) + low
        return self.weights.setdefault(name, drawn)

    def unit(self, x: Tensor, name: str, first: int, out: int, kernel: int, stride: int = 1) -> Tensor:
        x = conv2d(x, self._drawn(f"{name}.{first}.weight", out, x.shape[1], kernel, kernel), None, stride, kernel // 2)
        norm = f"{name}.{first + 1}"
        weight, bias, mean = (self._drawn(f"{norm}.{one}", out) for one in ("weight", "bias", "running_mean"))
        return batch_norm(x, mean, self._drawn(f"{norm}.running_var", out, low=0.5), weight, bias).relu()

    def path(self, x: Tensor, name: str, out: int, factor: int, stride: int) -> Tensor:
        if not self.bottleneck:
            return self.unit(x, f"{name}.net", 0, out, 3, stride)
        x = self.unit(x, f"{name}.net", 0, min(x.shape[1], factor * out), 1)
        return self.unit(x, f"{name}.net", 3, out, 3, stride)

    def layer(self, maps: list[Tensor], name: str, kept: int) -> list[Tensor]:
        before, offset = len(maps), self.scales - kept
        found = []
        for place in range(kept):
            own, factor = maps[before - kept + place], self.factors[offset + place]
            finer = before - kept + place - 1
            out, scale = self.growth * factor, f"{name}.layers.{place}"
            if finer < 0:
                found.append(torch.cat([own, self.path(own, f"{scale}.conv_normal", out, factor, 1)], 1))
                continue
            down = self.path(maps[finer], f"{scale}.conv_down", out // 2, self.factors[offset + place - 1], 2)
            found.append(torch.cat([own, down, self.path(own, f"{scale}.conv_normal", out // 2, factor, 1)], 1))
        return found

    def __call__(self, images_BKHW: Tensor, blocks: list[list[int]], classes: int) -> list[Tensor]:
        """`blocks`: how many scales each layer keeps."""
        maps, x, logits = [], images_BKHW, []
        for scale, factor in enumerate(self.factors):
            x = self.unit(x, f"blocks.0.0.layers.{scale}.net", 0, self.channels * factor, 3, 1 if scale == 0 else 2)
            maps.append(x)
        for number, layers in enumerate(blocks):
            place = 1 if number == 0 else 0
            for kept in layers:
                dropped = kept < len(maps)
                maps, place = self.layer(maps, f"blocks.{number}.{place}", kept), place + 1
                if dropped:
                    widths = [one.shape[1] // 2 for one in maps]
                    names = [f"blocks.{number}.{place}.m.{scale}.net" for scale in range(kept)]
                    of_all = zip(maps, names, widths, strict=True)
                    maps, place = [self.unit(one, name, 0, width, 1) for one, name, width in of_all], place + 1
            x = maps[-1]
            for one in (0, 1):
                x = self.unit(x, f"classifier.{number}.m.{one}.net", 0, 128, 3, 2)
            x = avg_pool2d(x, 2).flatten(1)
            head = f"classifier.{number}.linear"
            logits.append(linear(x, self._drawn(f"{head}.weight", classes, 128), self._drawn(f"{head}.bias", classes)))
        return logits


@pytest.mark.parametrize("bottleneck", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_networks_of_msdnet_pytorch_answer_as_there(tmp_path: Path, bottleneck: bool, prefix: str) -> None:
    ours = MSDNetSpec(kind="msdnet", blocks=3, base=2, channels=4, growth=4, bottleneck=bottleneck)
    theirs = ByTheirNames(scales=3, growth=4, channels=4, bottleneck=bottleneck)
    images_BKHW = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    # Layers 2 + 2 + 3 in three intervals of three: a scale is dropped before layers 4 and 7.
    expected = theirs(images_BKHW, [[3, 3], [3, 2], [2, 2, 1]], 10)
    torch.save({"state_dict": {prefix + name: one for name, one in theirs.weights.items()}}, tmp_path / "w.tar")
    network = ours.build((3, 32, 32), 10, torch.Generator()).eval()
    spec(tmp_path / "w.tar", names="msdnet-pytorch").load_into(network)
    with torch.no_grad():
        for found, wanted in zip(network(images_BKHW), expected, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_other_names_stay_as_they_are() -> None:
    assert list(renamed({"module.other.weight": torch.zeros(1)}, "msdnet-pytorch")) == ["other.weight"]
