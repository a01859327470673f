from pathlib import Path

import pytest
import torch

from overthink.networks.kernels import BFLOAT16, TORCH
from overthink.running.kernels import kernel_settings, kernels_of
from support.native import SETTINGS, Native
from support.small import small


def test_a_machine_trains_a_run_by_its_kernels_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run, _) = small(tmp_path).groups[0].runs
    (by_native, _) = small(tmp_path, kernels="native").groups[0].runs
    native, cpu, gpu = Native(monkeypatch), torch.device("cpu"), torch.device("cuda:0")
    for one, device in ((run, cpu), (run, gpu), (by_native, cpu)):
        assert kernels_of(one, device) is TORCH  # what the stand-in computes by
    assert len(native.calls) == 1
    with pytest.raises(
        ValueError, match="since they train on a CPU alone, not on cuda:0; --kernels torch starts other"
    ):
        kernels_of(by_native, gpu)
    native.obstacle = "no C++ compiler was found."
    with pytest.raises(
        ValueError, match=r"cannot train this run by native kernels, since no C\+\+ compiler was found; "
    ):
        kernels_of(by_native, cpu)
    kernels_of(run, cpu)
    assert kernel_settings(by_native) == {"kernels": "native", "threads": 1, **SETTINGS}
    assert kernel_settings(run) == {}


def test_less_than_float32_is_a_gpus(tmp_path: Path) -> None:
    (run, _) = small(tmp_path, precision="bf16").groups[0].runs
    assert kernels_of(run, torch.device("cuda:0")) is BFLOAT16
    with pytest.raises(
        ValueError, match=r"precision: bf16 is a GPU's, and this run would be trained on cpu; leave it out"
    ):
        kernels_of(run, torch.device("cpu"))
    (plain, _), (tf32, _) = small(tmp_path).groups[0].runs, small(tmp_path, precision="tf32").groups[0].runs
    assert len({run.key, plain.key, tf32.key}) == 3
    assert small(tmp_path, precision="f32").groups[0].runs[0].key == plain.key


def test_bfloat16_trains_with_logits_and_gradients_of_float32_and_evaluates_in_float32(tmp_path: Path) -> None:
    run = small(tmp_path).groups[0].runs[0]
    network = run.network.build(run.dataset.input_shape, 10, torch.Generator().manual_seed(0)).train()
    images = torch.randn(8, *run.dataset.input_shape, generator=torch.Generator().manual_seed(1))
    exact, reduced = TORCH.training(network)(images), BFLOAT16.training(network)(images)
    for one, other in zip(exact, reduced, strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        assert torch.allclose(one, other, atol=0.05)
    torch.stack(reduced).sum().backward()
    assert all(weights.grad is not None and weights.grad.dtype == torch.float32 for weights in network.parameters())
    network.eval()
    for one, other in zip(TORCH.evaluation(network)(images), BFLOAT16.evaluation(network)(images), strict=True):
        assert torch.equal(one, other)
