"""Training on a GPU: the same bits twice, with and without a CUDA graph, and after an interruption."""

import hashlib
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from overthink.definition.run_definition import RunDefinition
from overthink.running.run import train
from overthink.training.checkpoint import NAME
from overthink.training.epoch_record import EpochRecord
from support.small import small

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

PLAIN = [{"epochs": 3, "batch_size": 32, "drops": [2]}]
OFA = [
    {"epochs": 2, "batch_size": 32},
    {"epochs": 2, "batch_size": 32, "attach": {"kind": "isc", "connection": "convolution"}, "loss": {"kind": "ofa"}},
]
REGIMES = {
    "plain": PLAIN,
    "isc-ofa": OFA,
    "own-teacher": [{"epochs": 2, "batch_size": 32, "loss": {"kind": "ofa", "teacher": "own"}}],
    "equilibrium": [{"epochs": 2, "batch_size": 32, "gradient_equilibrium": True}],
    "balanced": [{"epochs": 2, "batch_size": 32, "loss": {"kind": "joint", "balanced": True}}],
    "rising": [{"epochs": 2, "batch_size": 32, "loss": {"kind": "rising"}}],
    "frozen": [*PLAIN, {"epochs": 2, "batch_size": 32, "freeze": "features"}],
    "adam": [{"epochs": 2, "batch_size": 32, "lr": 0.001, "optimiser": "adam"}],
}

NETWORKS = {
    "sdn-resnet": {"kind": "sdn", "backbone": "resnet", "layers": [1, 1, 1], "width": 4, "exits_after": [1, 2]},
    "sdn-vgg": {"kind": "sdn", "backbone": "vgg", "layers": [1, 1, 1], "width": 4, "exits_after": [1, 2]},
    "sdn-mobilenet": {"kind": "sdn", "backbone": "mobilenet", "layers": [1, 1, 1], "width": 4, "exits_after": [1, 2]},
}


def trained(
    folder: Path, regime: list[dict[str, object]], epochs: int | None = None, **changes: object
) -> dict[str, str]:
    """Train on the GPU, where `epochs` is given in two pieces, and return digests of what is written."""
    folder.mkdir(parents=True, exist_ok=True)
    run: RunDefinition = small(folder, regime=regime, kernels="torch", **changes).groups[0].runs[0]
    if epochs is not None:
        for _ in islice(train(run, folder, "cuda"), 1 + epochs):
            pass
    list(train(run, folder, "cuda"))
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("val.parquet", "test.parquet")}
    weights = load_file(folder / NAME)
    return files | {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in weights.items()}


@pytest.mark.parametrize("regime", REGIMES.values(), ids=REGIMES)
def test_same_bits_twice_and_recorded_and_resumed(
    regime: list[dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERTHINK_CUDA_GRAPHS", "0")
    eager = trained(tmp_path / "eager", regime)
    assert trained(tmp_path / "again", regime) == eager
    monkeypatch.delenv("OVERTHINK_CUDA_GRAPHS")
    assert trained(tmp_path / "recorded", regime) == eager
    assert trained(tmp_path / "resumed", regime, epochs=1) == eager


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_other_networks_give_the_same_bits(
    network: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERTHINK_CUDA_GRAPHS", "0")
    eager = trained(tmp_path / "eager", PLAIN, network=network)
    monkeypatch.delenv("OVERTHINK_CUDA_GRAPHS")
    assert trained(tmp_path / "recorded", PLAIN, network=network) == eager
    assert trained(tmp_path / "resumed", PLAIN, epochs=1, network=network) == eager


def test_a_cpu_trains_nearly_the_same(tmp_path: Path) -> None:
    regime = [{"epochs": 1, "batch_size": 32, "lr": 0.001}]
    run = small(tmp_path, regime=regime, kernels="torch").groups[0].runs[0]
    losses = []
    for device in ("cpu", "cuda"):
        (tmp_path / device).mkdir()
        losses += [one.train_loss for one in train(run, tmp_path / device, device) if isinstance(one, EpochRecord)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_less_than_float32_gives_the_same_bits_twice(precision: str, tmp_path: Path) -> None:
    results = [trained(tmp_path / folder, PLAIN, precision=precision) for folder in ("one", "other")]
    assert results[0] == results[1] != trained(tmp_path / "float32", PLAIN)
