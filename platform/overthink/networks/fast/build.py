"""Building the kernels: once for each source, compiler, flags, instruction set and number of images in a block."""

import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from overthink.atomic_file import atomic_write
from overthink.file_lock import file_lock
from overthink.networks.fast.compiler import FLAGS, Compiler, KernelsUnavailableError, find_compiler, instruction_set
from overthink.sentences import cut
from overthink.settings import home_folder

SOURCE = Path(__file__).with_name("kernels")
BLOCKS = (64, 32, 16)
"""Numbers of images in a block that there are kernels for. Memory and work are those of whole blocks."""
SMALL_BLOCK = 8
"""For predictions, on processors whose vectors have no more lanes."""
MOST_SECONDS = 600


@dataclass(frozen=True)
class BuiltKernels:
    """A library that was built, and all that its results depend on."""

    path: Path
    compiler: str
    """The first line of what it says its version is."""
    flags: str
    instruction_set: str
    source_sha256: str
    images: int
    """Images in a block."""


def build_kernels(
    images: int = 64, *, more_flags: tuple[str, ...] = (), report: Callable[[str], None] | None = None
) -> BuiltKernels:
    """Return the kernels for blocks of so many images, building them where the cache does not have them.

    `report` takes a sentence as a build begins; it takes about ten seconds. Processes that start together build once.
    Raises KernelsUnavailableError where there is no compiler, where it fails, or where the cache is not the user's own.
    """
    built, compiler, flags = _described(images, more_flags)
    try:
        _private(built.path.parent)
        if not built.path.exists():
            with file_lock(built.path.with_suffix(".lock")):
                if not built.path.exists():
                    (report or _silent)(f"compiling kernels for this machine with {compiler.version}, once")
                    _build(built.path, compiler, flags)
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        raise KernelsUnavailableError(
            f"the kernels cannot be built: {reason}; set XDG_CACHE_HOME to a folder"
        ) from error
    return built


def are_built(images: int) -> bool:
    """Return whether the cache has the kernels for blocks of so many images; false where there can be none."""
    try:
        return _described(images, ())[0].path.exists()
    except (KernelsUnavailableError, OSError):
        return False


def _described(images: int, more_flags: tuple[str, ...]) -> tuple[BuiltKernels, Compiler, tuple[str, ...]]:
    """Return kernels as they are or would be built, and with what."""
    assert images in (*BLOCKS, SMALL_BLOCK)
    compiler, target = find_compiler(), instruction_set()
    flags = (*FLAGS, f"-march={target}", f"-DIMAGES={images}", *more_flags)
    source = source_sha256()
    about = "\0".join((source, compiler.version, *compiler.command, *flags))
    name = f"kernels-{hashlib.sha256(about.encode()).hexdigest()[:16]}"
    path = _cache_folder() / f"{name}.so"
    return BuiltKernels(path, compiler.version, shlex.join(flags), target, source, images), compiler, flags


def source_sha256() -> str:
    """Return the SHA-256 of the kernels' source: names and contents of its files."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.glob("*.[ch]pp")):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _build(path: Path, compiler: Compiler, flags: tuple[str, ...]) -> None:
    """Compile each file, as many at a time as there are cores, and link them."""
    work = path.with_suffix(".build")
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    work.mkdir()
    try:
        sources = sorted(SOURCE.glob("*.cpp"))
        objects = [str(work / f"{source.stem}.o") for source in sources]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            commands = [["-c", str(source), "-o", made] for source, made in zip(sources, objects, strict=True)]
            list(pool.map(lambda arguments: _run(compiler, [*flags, *arguments]), commands))
        with atomic_write(path) as unfinished:
            _run(compiler, [*flags, "-shared", *objects, "-o", str(unfinished)])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(compiler: Compiler, arguments: list[str]) -> None:
    """Run the compiler; raises KernelsUnavailableError with the first line of its error."""
    try:
        done = subprocess.run(
            [*compiler.command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise KernelsUnavailableError(_failure(compiler, f"took over {MOST_SECONDS} seconds")) from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        first = next((line for line in lines if "error" in line), lines[0] if lines else f"status {done.returncode}")
        raise KernelsUnavailableError(_failure(compiler, f"failed: {first}"))


def _failure(compiler: Compiler, what: str) -> str:
    remedy = "update it (g++ 11 and clang++ 14 do), or set CXX to another"
    return f"the C++ compiler {shlex.join(compiler.command)} ({compiler.version}) {cut(what, 240)}; {remedy}"


def _cache_folder() -> Path:
    """Return XDG_CACHE_HOME, else `~/.cache`; a folder for temporary files where the account has no home folder."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen.is_absolute():
        return chosen / "overthink" / "kernels"
    try:
        return home_folder() / ".cache" / "overthink" / "kernels"
    except ValueError:
        return Path(tempfile.gettempdir()) / f"overthink-kernels-{os.geteuid()}"


def _private(folder: Path) -> Path:
    """Make a folder that is the user's alone: whoever else can write to it decides what this process executes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o077:
        raise KernelsUnavailableError(f"{folder}: others can write here or own it; remove it, and it is made anew")
    return folder


def _silent(_sentence: str) -> None:
    pass
