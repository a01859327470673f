import json
import os
import subprocess
from pathlib import Path

import pytest

from overthink.running import provenance as provenance_module
from overthink.running.provenance import attempts_of, changed_settings, git_state, provenance, surroundings


def git(folder: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a"}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | identity,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("one\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_checkout(checkout: Path) -> None:
    state = git_state(checkout / "code.py")
    assert state == (git(checkout, "rev-parse", "HEAD"), False, "")


def test_the_patch_makes_the_commit_what_ran(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (checkout / "code.py").write_text("two\n")
    (checkout / "new.py").write_text("three\n")
    (checkout / "picture.bin").write_bytes(bytes(range(256)))
    state = git_state(checkout / "code.py")
    assert state.dirty
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    git(elsewhere, "clone", "-q", str(checkout), ".")
    (elsewhere / "the.patch").write_text(state.patch)
    git(elsewhere, "apply", "the.patch")
    for name in ("code.py", "new.py", "picture.bin"):
        assert (elsewhere / name).read_bytes() == (checkout / name).read_bytes()


def test_untracked_files_of_any_name_and_of_other_ends_of_lines(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    names = (os.fsdecode(b"caf\xe9.txt"), "--stat", "dos.txt")
    for name in names:
        (checkout / name).write_bytes(b"three\r\n")
    (checkout / os.fsdecode(b"lar\xe9ge")).write_bytes(bytes(2_000_000))
    state = git_state(checkout / "code.py")
    assert "too large to be kept here: lar" in state.patch.encode().decode()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    git(elsewhere, "clone", "-q", str(checkout), ".")
    (elsewhere / "the.patch").write_bytes(state.patch.encode())
    git(elsewhere, "apply", "the.patch")
    assert all((elsewhere / name).read_bytes() == b"three\r\n" for name in names)


def test_a_file_that_is_removed_while_git_lists_it(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = provenance_module._untracked
    monkeypatch.setattr(provenance_module, "_untracked", lambda root: [*listed(root), "gone a moment ago"])
    (checkout / "new.py").write_text("three\n")
    assert "new.py" in git_state(checkout / "code.py").patch


def test_somebody_elses_repository_around_the_package_is_not_ours(checkout: Path) -> None:
    installed = checkout / "environment" / "package.py"
    installed.parent.mkdir()
    installed.write_text("")
    assert git_state(installed) == (None, None, "")


def test_attempts_are_compared_by_what_moves_bits() -> None:
    before = {"settings": {"device": "cpu", "threads": 1}, "versions": {"torch": "2.11", "mlflow": "3.17"}}
    now = {"settings": {"device": "cuda", "threads": 1}, "versions": {"torch": "2.15", "mlflow": "3.18"}}
    assert changed_settings(before, now) == "device cpu -> cuda, torch 2.11 -> 2.15"
    assert changed_settings(before, before) == ""
    assert changed_settings({}, provenance({})) != ""


def test_attempts_of_an_older_version_and_of_nobody() -> None:
    assert attempts_of('{"settings": {}}') == [{"settings": {}}]
    assert attempts_of('{"attempts": [{"argv": []}, 7]}') == [{"argv": []}]
    with pytest.raises(ValueError, match="not a mapping"):
        attempts_of("[]")


def test_threads_move_no_bits_of_native_kernels_and_what_these_were_built_with_does() -> None:
    before = {"settings": {"kernels": "native", "threads": 1, "instruction_set": "x86-64-v4"}}
    now = {"settings": {"kernels": "native", "threads": 2, "instruction_set": "x86-64-v3"}}
    assert changed_settings(before, now) == "instruction_set x86-64-v4 -> x86-64-v3"
    assert changed_settings({"settings": {"threads": 1}}, {"settings": {"threads": 2}}) == "threads 1 -> 2"


@pytest.mark.parametrize("text", ["[" * 3000, '{"attempts": 3}', '{"attempts": {"a": 1}}', "", "\ud800"])
def test_attempts_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"it is n|its attempts are no list"):
        attempts_of(text)


def test_of_very_many_attempts_the_last_are_kept() -> None:
    assert [one["n"] for one in attempts_of(json.dumps({"attempts": [{"n": n} for n in range(5000)]}))] == [
        *range(4000, 5000)
    ]


def test_the_state_of_the_loaded_code_is_asked_for_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    first = surroundings()
    monkeypatch.setattr(subprocess, "run", lambda *_arguments, **_options: pytest.fail("git was asked again"))
    assert surroundings()["git"] == first["git"]
