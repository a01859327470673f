"""The machine's C++ compiler, and what it has to compile for."""

import os
import platform
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FLAGS = (
    "-std=c++20",
    "-O3",
    "-ffp-contract=fast",  # multiply-adds in one instruction, rounded once
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-fPIC",
    "-pthread",
)
"""Flags for every machine. No flag of them lets the compiler change the order of a sum."""

V3 = frozenset(("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"))
V4 = V3 | frozenset(("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"))
"""Features of x86-64-v3 and -v4 as Linux names them; source: x86-64 psABI 1.0, section 3.1.1."""


class KernelsUnavailableError(Exception):
    """No kernels can be built or loaded here: what happened and what to do, in one sentence."""


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler: the command with its own arguments, and the first line of what it says its version is."""

    command: tuple[str, ...]
    version: str


def find_compiler() -> Compiler:
    """Return the compiler of CXX, else the first there is of g++, clang++ and c++.

    Raises KernelsUnavailableError where there is none, or where it does not run.
    """
    try:
        chosen = shlex.split(os.environ.get("CXX", ""))
    except ValueError as error:  # a quotation that is not closed
        raise KernelsUnavailableError(str(error).lower()) from None
    if chosen:
        return _asked(chosen)
    for name in ("g++", "clang++", "c++"):
        if shutil.which(name):
            return _asked([name])
    raise KernelsUnavailableError("no C++ compiler: install g++ (Debian, Ubuntu: apt install g++) or set CXX to one")


def instruction_set(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the widest instruction set of this machine that the kernels know: x86-64-v4, -v3, x86-64 or armv8-a.

    Machines of the same one compute the same bits. The name is what `-march` takes.
    """
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        return "armv8-a"
    if machine not in ("x86_64", "amd64"):
        raise KernelsUnavailableError(f"no kernels for processors of the kind {machine}")
    features = _features(cpuinfo)
    return "x86-64-v4" if features >= V4 else "x86-64-v3" if features >= V3 else "x86-64"


def _features(cpuinfo: Path) -> frozenset[str]:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return frozenset()
    return frozenset(next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "").split())


def _asked(command: list[str]) -> Compiler:
    try:
        asked = subprocess.run(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = f"{shlex.join(command)} does not run: {getattr(error, 'strerror', None) or error}"
        raise KernelsUnavailableError(f"the C++ compiler {said}; set CXX to one that does") from error
    return Compiler(tuple(command), asked.stdout.partition("\n")[0].strip())
