"""Building the kernels once, in a folder that is the user's alone."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from overthink.networks import availability
from overthink.networks.fast import build
from overthink.networks.fast.build import BLOCKS, are_built, build_kernels, source_sha256
from overthink.networks.fast.compiler import KernelsUnavailableError, instruction_set
from support.stand_in_compiler import StandIn

ROOT = Path(__file__).parents[3]
BEGIN = "from overthink.networks.fast.build import build_kernels; print(build_kernels(report=print).path)"


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A compiler that compiles nothing."""
    found = StandIn(tmp_path / "bin")
    monkeypatch.setenv("CXX", str(found.path))
    return found


def kernels_folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "overthink" / "kernels"


def test_kernels_are_built_once(stand_in: StandIn, tmp_path: Path) -> None:
    said: list[str] = []
    first = build_kernels(report=said.append)
    assert said == ["compiling kernels for this machine with stand-in 1.0, once"]
    n_calls = len(stand_in.calls)
    assert n_calls == len(list(build.SOURCE.glob("*.cpp"))) + 1
    assert build_kernels(report=said.append) == first
    assert (len(said), len(stand_in.calls)) == (1, n_calls)
    assert first.path.parent == kernels_folder(tmp_path)
    assert sorted(path.suffix for path in first.path.parent.iterdir()) == [".lock", ".so"]


def test_what_was_built_is_told(stand_in: StandIn) -> None:
    built = build_kernels(32)
    assert (built.compiler, built.images, built.instruction_set) == ("stand-in 1.0", 32, instruction_set())
    assert built.source_sha256 == source_sha256()
    assert f"-march={instruction_set()} -DIMAGES=32" in built.flags
    assert all(built.flags in call.replace(" -shared", "") for call in stand_in.calls)


def test_each_block_flag_version_and_source_is_another_build(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [build_kernels(images).path for images in BLOCKS]
    paths.append(build_kernels(more_flags=("-DIDENTITY",)).path)
    StandIn(tmp_path / "bin", version="1.1")
    paths.append(build_kernels().path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "interface.cpp").write_text("// other")
    monkeypatch.setattr(build, "SOURCE", source)
    paths.append(build_kernels().path)
    monkeypatch.setattr(build, "instruction_set", lambda: "x86-64-v9")
    paths.append(build_kernels().path)
    assert len(set(paths)) == len(paths) == stand_in.n_builds == 7


def test_kernels_are_there_once_they_are_built(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not are_built(16)
    build_kernels(16)
    assert are_built(16)
    assert not are_built(8)
    monkeypatch.setenv("CXX", "/absent")
    assert not are_built(16)


@pytest.mark.parametrize(
    "target, blocks", [("x86-64-v4", [16, 16, 32, 64]), ("x86-64-v3", [8, 8, 8, 16]), ("armv8-a", [8, 8, 8, 16])]
)
def test_blocks_for_predictions_fit_the_vectors(
    target: str, blocks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "instruction_set", lambda: target)
    assert [availability.inference_block(batch) for batch in (1, 8, 32, 256)] == blocks


def test_two_processes_at_once_build_once(stand_in: StandIn) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
    begun = [
        subprocess.Popen([sys.executable, "-c", BEGIN], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0].splitlines() for process in begun]
    assert [process.returncode for process in begun] == [0, 0, 0]
    assert len({lines[-1] for lines in said}) == 1
    assert stand_in.n_builds == 1


@pytest.mark.parametrize("error", ["x.hpp:3: error: no 'auto' here", "warning: odd\ng++: fatal error: Killed\nmore"])
def test_a_compiler_that_fails_is_one_sentence(error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", str(StandIn(tmp_path / "bin", failing=error).path))
    with pytest.raises(KernelsUnavailableError) as failed:
        build_kernels()
    (line,) = (line for line in error.splitlines() if "error" in line)
    assert "\n" not in str(failed.value)
    assert f"(stand-in 1.0) failed: {line}; " in str(failed.value)
    assert "set CXX to another" in str(failed.value)
    assert [path.suffix for path in kernels_folder(tmp_path).iterdir()] == [".lock"]


def test_a_compiler_that_says_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", str(StandIn(tmp_path / "bin", failing=" ").path))
    with pytest.raises(KernelsUnavailableError, match=r"failed: status 1;"):
        build_kernels()


def test_no_compiler_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KernelsUnavailableError, match="apt install g"):
        build_kernels()


def test_what_a_killed_build_left_is_no_hindrance(stand_in: StandIn, tmp_path: Path) -> None:
    built = build_kernels()
    built.path.unlink()
    left = built.path.with_suffix(".build")
    left.mkdir()
    (left / "interface.o").write_text("half")
    assert build_kernels() == built
    assert not left.exists()


def test_the_folder_is_private(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_kernels()
    folder = kernels_folder(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for mode in (0o777, 0o720, 0o755):
        folder.chmod(mode)
        with pytest.raises(KernelsUnavailableError, match=f"{folder}: others"):
            build_kernels()
    folder.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(KernelsUnavailableError, match=f"{folder}: others"):
        build_kernels()


def test_a_link_in_the_folders_place_is_not_followed(stand_in: StandIn, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder = kernels_folder(tmp_path)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(elsewhere)
    with pytest.raises(KernelsUnavailableError, match=f"{folder}: others"):
        build_kernels()


def test_a_cache_that_cannot_be_written_is_one_sentence(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(KernelsUnavailableError, match=r"cannot be built: .*; set XDG_CACHE_HOME to a folder"):
        build_kernels()


def test_an_account_without_a_home_folder_builds_for_the_time_being(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert build_kernels().path.parent == tmp_path / "home" / ".cache" / "overthink" / "kernels"
    monkeypatch.setenv("OVERTHINK_LENT_HOME", "1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    built = build_kernels()
    assert built.path.parent == tmp_path / f"overthink-kernels-{os.geteuid()}"
    assert stat.S_IMODE(built.path.parent.stat().st_mode) == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the XDG specification says to ignore
    assert build_kernels() == built


def test_a_library_that_does_not_load_is_one_sentence(stand_in: StandIn) -> None:
    from overthink.networks.fast.library import Library

    built = build_kernels()
    with pytest.raises(KernelsUnavailableError, match=f"cannot be loaded: .*; remove {built.path} to build them anew"):
        Library(built)
