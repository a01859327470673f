"""Whether a launch says that its runs take turns on a GPU."""

from pathlib import Path

import pytest

from overthink.definition.run_definition import RunDefinition
from overthink.launching import gpu_sharing
from overthink.launching.gpu_sharing import PIPES, takes_turns
from overthink.launching.outcomes import Options
from overthink.running import gpu_drivers
from support.small import small


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunDefinition]:
    driver = tmp_path / "nvidiactl"
    driver.touch()
    monkeypatch.setattr(gpu_drivers, "NVIDIA", str(driver))
    monkeypatch.setenv(PIPES, str(tmp_path / "mps"))
    return list(small(tmp_path, kernels="torch").groups[0].runs)


def test_runs_without_mps_take_turns(runs: list[RunDefinition]) -> None:
    assert takes_turns(Options(jobs=4), runs).startswith("2 runs share the GPU by turns")


@pytest.mark.parametrize(
    "options", [Options(jobs=1), Options(jobs=4, device="cpu"), Options(jobs=4, engine="ray")], ids=str
)
def test_nothing_is_said_where_they_do_not(options: Options, runs: list[RunDefinition]) -> None:
    assert not takes_turns(options, runs)


def test_nothing_is_said_with_mps_without_a_gpu_or_by_native_kernels(
    runs: list[RunDefinition], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_native = list(small(tmp_path, kernels="native").groups[0].runs)
    assert not takes_turns(Options(jobs=4), by_native)
    (tmp_path / "mps").mkdir()
    (tmp_path / "mps" / "control").touch()
    assert not takes_turns(Options(jobs=4), runs)
    monkeypatch.delenv(PIPES)
    monkeypatch.setattr(gpu_sharing, "DEFAULT_PIPES", str(tmp_path / "none"))
    assert takes_turns(Options(jobs=4), runs)
    monkeypatch.setattr(gpu_drivers, "NVIDIA", str(tmp_path / "no driver"))
    assert not takes_turns(Options(jobs=4), runs)
