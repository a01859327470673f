"""Provenance of a result: code, versions, machine and settings, enough to explain a difference later."""

import hashlib
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from overthink.plugins.modules import used
from overthink.sentences import utf_8
from overthink.store.uri import without_password
from overthink.untrusted import parse_json

PACKAGES = (
    "overthink",
    "torch",
    "torchvision",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
    "pyarrow",
    "safetensors",
)
LARGEST_PATCH = 1_000_000
"""Characters. A larger patch is cut and marked."""
MOST_ATTEMPTS = 1000
MOVES_BITS = ("torch", "torchvision", "numpy")


class Git(NamedTuple):
    """The state of the Git checkout that the code runs from; None if it does not run from one."""

    commit: str | None
    dirty: bool | None
    patch: str
    """Uncommitted changes for `git apply`, untracked files included."""


def provenance(settings: Mapping[str, Any], there: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the provenance of a run, as plain data for `provenance.json`; `settings` are the worker's.

    `there` are the `surroundings` of a worker on another machine.
    """
    return {
        **(there or surroundings()),
        "settings": dict(settings),
        "argv": [without_password(word) for word in sys.argv],
    }


def surroundings() -> dict[str, Any]:
    """Return code, versions and machine of this process."""
    git = _state_of_this_code()
    return {
        "git": {"commit": git.commit, "dirty": git.dirty},
        "git_patch": git.patch,
        "lock_sha256": _lock_hash(),
        **({"plugins": found} if (found := used()) else {}),
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "machine": {
            "host": socket.gethostname(),
            "system": platform.platform(),
            "processor": processor(),
            "cpus": os.cpu_count(),
        },
    }


def attempts_of(text: str) -> list[dict[str, Any]]:
    """Return the attempts in a run's `provenance.json`, of very many the last; raise ValueError if it is not valid."""
    stored = parse_json(text)
    if not isinstance(stored, dict):
        raise ValueError("provenance is not a mapping")
    attempts = stored.get("attempts", [stored])
    if not isinstance(attempts, list):
        raise ValueError("its attempts are no list")
    return [attempt for attempt in attempts if isinstance(attempt, dict)][-MOST_ATTEMPTS:]


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the differences of two attempts that can change the bits of a result, such as `device cpu -> cuda`."""
    was, is_now = _moving(before), _moving(now)
    return ", ".join(f"{key} {was.get(key)} -> {value}" for key, value in is_now.items() if was.get(key) != value)


def _moving(attempt: Mapping[str, Any]) -> dict[str, Any]:
    settings, versions = attempt.get("settings"), attempt.get("versions")
    found = dict(settings) if isinstance(settings, dict) else {}
    if found.get("kernels") == "native":  # they give the same bits at any number of threads
        found.pop("threads", None)
    return found | {name: versions.get(name) for name in MOVES_BITS if isinstance(versions, dict)}


def git_state(file: Path = Path(__file__)) -> Git:
    """Return commit and uncommitted changes of the checkout that tracks a file of this package, if any."""
    # A virtual environment can be inside a repository without being tracked by it.
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return Git(None, None, "")
    root = Path((_git(file.parent, "rev-parse", "--show-toplevel") or "").strip())
    commit = (_git(root, "rev-parse", "HEAD") or "").strip() or None
    patch = _git(root, "diff", "HEAD", "--no-ext-diff", "--no-color", "--binary") or ""
    for name in _untracked(root):
        try:
            size = (root / name).lstat().st_size
        except OSError:  # removed a moment ago
            continue
        if len(patch) + size > LARGEST_PATCH:
            patch += f"# untracked, too large to be kept here: {utf_8(name)}\n"
        else:
            patch += _git(root, "diff", "--no-color", "--binary", "--no-index", "--", "/dev/null", name) or ""
    dirty = bool(patch)
    if len(patch) > LARGEST_PATCH:
        patch = patch[:LARGEST_PATCH] + "\n# cut here"
    return Git(commit, dirty, patch)


@cache
def _state_of_this_code() -> Git:
    # Once a process: it goes on with the code that it has loaded, whatever is edited meanwhile.
    return git_state()


def _untracked(root: Path) -> list[str]:
    """Return the names of untracked files, as Python names files that are not UTF-8."""
    listed = _output(root, "ls-files", "--others", "--exclude-standard", "-z") or b""
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def _git(folder: Path, *arguments: str) -> str | None:
    printed = _output(folder, *arguments)
    return None if printed is None else printed.decode("utf-8", errors="replace")


def _output(folder: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    differs = "--no-index" in arguments and done.returncode == 1  # git diff --no-index returns 1 if files differ
    return done.stdout if done.returncode == 0 or differs else None


def _lock_hash() -> str | None:
    lock = Path(__file__).parents[3] / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None


@cache
def version_of(name: str) -> str | None:
    """Return the version of an installed package; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """Return the name of this machine's processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
            if "model name" in line
        ]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
