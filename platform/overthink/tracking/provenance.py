"""Where a result comes from: code, versions, machine and settings, enough to explain a difference later."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

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
"""Characters. A larger patch is cut, and says so."""


class Git(NamedTuple):
    """The state of the checkout that the code runs from; None where it does not run from one."""

    commit: str | None
    dirty: bool | None
    patch: str


def provenance(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what made a result, as plain data for `provenance.json`; `settings` are what the worker read off torch."""
    git = git_state()
    return {
        "git": {"commit": git.commit, "dirty": git.dirty},
        "git_patch": git.patch,
        "lock_sha256": _lock_hash(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "processor": _processor(), "cpus": os.cpu_count()},
        "settings": dict(settings),
        "argv": sys.argv,
    }


def git_state() -> Git:
    """Return commit and uncommitted changes of the checkout that this package lies in, if it lies in one."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return Git(None, None, "")
    patch = _git("diff", "HEAD") or ""
    untracked = _git("ls-files", "--others", "--exclude-standard") or ""
    patch += "".join(f"\n# untracked: {name}" for name in untracked.splitlines())
    if len(patch) > LARGEST_PATCH:
        patch = patch[:LARGEST_PATCH] + "\n# cut here"
    return Git(commit, bool(patch.strip()), patch)


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _lock_hash() -> str | None:
    lock = Path(__file__).parents[3] / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
