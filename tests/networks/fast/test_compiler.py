"""Which compiler, and what it compiles for."""

import platform
import stat
from pathlib import Path

import pytest

from overthink.networks.fast.compiler import KernelsUnavailableError, find_compiler, instruction_set
from support.stand_in_compiler import StandIn

V3 = "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    "flags, expected",
    [
        ("fpu sse sse2", "x86-64"),
        (V3, "x86-64-v3"),
        (f"{V3} avx512f", "x86-64-v3"),
        (V3.replace("fma", "fpu"), "x86-64"),
        (V4, "x86-64-v4"),
    ],
)
def test_an_instruction_set_has_all_its_features(
    flags: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"model name\t: some\nflags\t\t: {flags}\n\nflags\t\t: {V4}\n")
    assert instruction_set(cpuinfo) == expected
    assert instruction_set(tmp_path / "absent") == "x86-64"


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_arm_has_neon(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert instruction_set() == "armv8-a"


def test_another_kind_of_processor_has_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    with pytest.raises(KernelsUnavailableError, match="s390x"):
        instruction_set()


def test_cxx_may_have_arguments_and_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = StandIn(tmp_path / "my compilers")
    monkeypatch.setenv("CXX", f"'{chosen.path}' -some -flags")
    found = find_compiler()
    assert found.command == (str(chosen.path), "-some", "-flags")
    assert found.version == "stand-in 1.0"


def test_without_cxx_the_first_of_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KernelsUnavailableError, match=r"^no C\+\+ compiler: install g"):
        find_compiler()
    for name in ("c++", "clang++", "g++"):
        StandIn(tmp_path, name)
        assert find_compiler().command == (name,)


@pytest.mark.parametrize("kind", ["absent", "no program", "fails"])
def test_a_cxx_that_does_not_run_is_named(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "compiler"
    if kind != "absent":
        path.write_text("#!/bin/sh\nexit 3\n" if kind == "fails" else "")
        path.chmod(stat.S_IRWXU if kind == "fails" else stat.S_IRUSR)
    monkeypatch.setenv("CXX", str(path))
    with pytest.raises(KernelsUnavailableError, match=rf"compiler {path} does not run: .*; set CXX to one that does"):
        find_compiler()
