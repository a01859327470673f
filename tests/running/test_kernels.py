from pathlib import Path

import pytest
import torch

from overthink.networks.kernels import TORCH
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
