import json
from pathlib import Path
from typing import Any

import pytest

from overthink.cli.checks import GET_COMPILER, Check, compiler
from overthink.cli.commands.doctor import doctor
from support.native import Native


def checked(capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, dict[str, Any]]:
    assert doctor(as_json=True) == code
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OVERTHINK_DATA", str(tmp_path / "data"))
    return tmp_path


def test_a_machine_that_has_all(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Native(monkeypatch)
    found = checked(capsys)
    assert list(found) == [
        *("Python", "torch", "CPU", "Instruction set", "GPU", "C++ compiler", "Native kernels", "Store", "Disk"),
        *("Uploads", "Data folder"),
    ]
    assert found["Native kernels"]["problem"] == ""
    assert "none yet" in found["Store"]["found"]
    assert not (here / "mlflow.db").exists()
    assert doctor() == 0
    assert "ok       Native kernels: built" in capsys.readouterr().out


def test_data_that_are_here(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Native(monkeypatch)
    folder = here / "data" / "cifar-100-binary"
    folder.mkdir(parents=True)
    assert checked(capsys)["Data folder"]["found"].endswith(
        "data: nothing yet; overthink data list shows what there is"
    )
    for name in ("train.bin", "test.bin"):
        (folder / name).touch()
    assert checked(capsys)["Data folder"]["found"] == f"{here / 'data'}: cifar-100"


def test_runs_that_wait_for_their_upload_and_a_full_disk(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Native(monkeypatch)
    (here / ".overthink" / "journals" / "one").mkdir(parents=True)
    found = checked(capsys)
    assert (found["Uploads"]["found"], found["Disk"]["problem"]) == ("1 run not fully uploaded", "")
    assert "overthink sync" in found["Uploads"]["problem"]
    monkeypatch.setattr("overthink.launching.preflight.LEAST_FREE", 2**80)
    assert "are needed" in checked(capsys, code=1)["Disk"]["problem"]


def test_what_is_missing_and_can_be_done_without(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Native(monkeypatch).obstacle = "no C++ compiler was found"
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.delenv("CXX", raising=False)
    assert compiler() == Check("C++ compiler", "none", GET_COMPILER, needed=False)
    assert doctor() == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "missing C++ compiler: none (install one: apt-get install g++" in said
    assert "missing Native kernels: not available (no C++ compiler was found; torch's kernels train instead)" in said


def test_the_compiler_that_is_asked_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = here / "my-c++"
    fake.write_text("#!/bin/sh\necho my compiler 1.0\necho more\n")
    monkeypatch.setenv("PATH", str(here), prepend=":")
    monkeypatch.setenv("CXX", "my-c++")
    assert compiler().found.startswith("CXX=my-c++: ")
    assert compiler().problem == GET_COMPILER
    fake.chmod(0o755)
    assert compiler() == Check("C++ compiler", "my compiler 1.0")
    monkeypatch.setenv("CXX", "env my-c++")  # as `ccache g++`
    assert compiler() == Check("C++ compiler", "my compiler 1.0")
    monkeypatch.setenv("CXX", "'my-c++")
    assert compiler().found == "CXX='my-c++: no closing quotation"


def test_what_training_needs(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Native(monkeypatch)
    (here / "mlflow.db").write_text("no database")
    (here / "file").write_text("")
    monkeypatch.setenv("OVERTHINK_DATA", str(here / "file" / "data"))
    found = checked(capsys, code=1)
    assert "MLFLOW_TRACKING_URI" in found["Store"]["problem"]
    assert "set OVERTHINK_DATA" in found["Data folder"]["problem"]


@pytest.mark.parametrize("uri", ["http://", ""])
def test_a_store_that_cannot_be_one_is_a_line_among_the_others(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], uri: str
) -> None:
    Native(monkeypatch)
    (here / "mlflow.db").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    found = checked(capsys, code=1)
    assert ("expected an address" if uri else "mlflow.db: is a folder") in found["Store"]["problem"]
    assert found["Disk"]["problem"] == ""
    assert found["Data folder"]["problem"] == ""
