from pathlib import Path

import pytest
import torch

from overthink.running.kernels import check_kernels, kernel_settings
from support.native import SETTINGS, Native
from support.small import small


def test_a_machine_trains_a_run_by_its_kernels_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run, _) = small(tmp_path).groups[0].runs
    (by_native, _) = small(tmp_path, kernels="native").groups[0].runs
    native, cpu, gpu = Native(monkeypatch), torch.device("cpu"), torch.device("cuda:0")
    for one, device in ((run, cpu), (run, gpu), (by_native, cpu)):
        check_kernels(one, device, (4, 7, 7), 10)
    assert len(native.calls) == 1
    with pytest.raises(
        ValueError, match="since they train on a CPU alone, not on cuda:0; --kernels torch starts other"
    ):
        check_kernels(by_native, gpu, (4, 7, 7), 10)
    native.obstacle = "no C++ compiler was found."
    with pytest.raises(
        ValueError, match=r"cannot train this run by native kernels, since no C\+\+ compiler was found; "
    ):
        check_kernels(by_native, cpu, (4, 7, 7), 10)
    check_kernels(run, cpu, (4, 7, 7), 10)
    assert kernel_settings(by_native) == {"kernels": "native", **SETTINGS}
    assert kernel_settings(run) == {}
