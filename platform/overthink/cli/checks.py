"""What `overthink doctor` looks at: each check says what it found, and what to do where that is not enough."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from overthink.sentences import number_of
from overthink.store.uri import database_file, tracking_uri, without_password

GET_COMPILER = (
    "install one: apt-get install g++ (Debian, Ubuntu), dnf install gcc-c++ (Fedora), xcode-select --install (macOS), "
    "or conda install cxx-compiler; without one, torch trains, at a third of the speed"
)
EXAMPLE = "quickstart"
"""The shipped definition whose network is asked for."""


class Check(NamedTuple):
    """One line of the command."""

    name: str
    found: str
    problem: str = ""
    """What is wrong, and what to do; empty where all is well."""
    needed: bool = True
    """Whether nothing can be trained until the problem is solved."""


def checks(on_message: Callable[[str], None]) -> Iterator[Check]:
    """Yield the checks, one after another; `on_message` receives what takes long."""
    yield Check("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    torch = _torch()
    yield torch
    yield Check("CPU", f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores")
    if not torch.problem:
        yield _instruction_set()
        yield _gpu()
    yield compiler()
    if not torch.problem:
        yield _native(on_message)
    yield _store()
    yield from _disk()
    yield _uploads()
    yield _data()


def compiler() -> Check:
    """Return the C++ compiler of this machine: CXX, else the first that is installed."""
    from overthink.networks.fast.compiler import KernelsUnavailableError, find_compiler

    try:
        return Check("C++ compiler", find_compiler().version)
    except KernelsUnavailableError as error:
        asked = os.environ.get("CXX")
        return Check("C++ compiler", f"CXX={asked}: {error}" if asked else "none", GET_COMPILER, needed=False)


def _torch() -> Check:
    try:
        import torch  # noqa: F401
    except (ImportError, OSError) as error:
        return Check("torch", "cannot be imported", f"{error}; install overthink again (pip install .)")
    try:
        return Check("torch", version("torch"))
    except PackageNotFoundError:
        return Check("torch", "of unknown version")


def _instruction_set() -> Check:
    import torch

    return Check("Instruction set", torch.backends.cpu.get_cpu_capability())


def _gpu() -> Check:
    import torch

    there = torch.cuda.is_available()
    return Check("GPU", torch.cuda.get_device_name() if there else "none; runs are trained on the CPU")


def _native(on_message: Callable[[str], None]) -> Check:
    """Return whether native kernels can train the quickstart's network here; that compiles them."""
    from overthink.definition.loading import load_experiment
    from overthink.networks import availability

    of = load_experiment(EXAMPLE).groups[0].definition
    obstacle = availability.native_obstacle(*of.for_kernels, on_message=on_message)
    if obstacle:
        return Check("Native kernels", "not available", f"{obstacle}; torch's kernels train instead", needed=False)
    return Check("Native kernels", f"built; they can train {EXAMPLE}")


def _store() -> Check:
    try:
        uri = tracking_uri()
        database = database_file(uri)
    except ValueError as error:
        return Check("Store", "none that can be used", f"{error}; MLFLOW_TRACKING_URI names the store")
    shown = without_password(uri)
    if database is not None and not database.exists():
        return Check("Store", f"{shown}: none yet; the first overthink run makes it")
    from overthink.store.errors import StoreError
    from overthink.store.sqlite_reader import is_as_expected

    try:
        if database is None or not is_as_expected(database):  # which reads it, and needs no MLflow
            from overthink.store.client import Store

            Store(uri).ping()
    except (StoreError, ValueError, OSError) as error:
        return Check("Store", f"{shown}: not reachable", f"{error}; MLFLOW_TRACKING_URI names the store")
    size = f", {database.stat().st_size / 2**20:.1f} MB" if database is not None else ""
    return Check("Store", f"{shown}: reachable{size}")


def _disk() -> Iterator[Check]:
    """Yield how much room there is where runs are kept, and what is wrong with those folders."""
    from overthink.launching.outcomes import Options
    from overthink.launching.preflight import LEAST_FREE, machine_obstacles
    from overthink.store.uri import state_folder

    above = next(folder for folder in (state_folder(), *state_folder().parents) if folder.is_dir())
    found = f"{shutil.disk_usage(above).free / 2**30:.1f} GB left for unfinished runs; {LEAST_FREE // 2**20} MB needed"
    yield Check("Disk", found, "; ".join(machine_obstacles([], Options(), _usable_uri())))


def _usable_uri() -> str:
    """Return the URI of the store, or that of none, where the check of the store says what is wrong with it."""
    try:
        database_file(uri := tracking_uri())
    except ValueError:
        return ""
    return uri


def _uploads() -> Check:
    from overthink.store.uri import journals_folder

    folder = journals_folder()
    count = sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
    if not count:
        return Check("Uploads", "none waits")
    found = f"{number_of(count, 'run')} not fully uploaded"
    return Check("Uploads", found, "unless it is being trained, overthink sync uploads it", needed=False)


def _data() -> Check:
    from overthink.data.catalogue import ENTRIES
    from overthink.data.digits import default_root

    try:
        root = default_root()
    except ValueError as error:
        return Check("Data folder", "none", str(error))
    above = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        return Check("Data folder", f"{root}", f"{above} cannot be written to; set OVERTHINK_DATA to a folder that can")
    if above != root:
        return Check("Data folder", f"{root}: made when data are fetched")
    here = [entry.name for entry in ENTRIES if entry.needs is not None and entry.example.is_here(root)]
    return Check("Data folder", f"{root}: {', '.join(here) or 'nothing yet; overthink data list shows what there is'}")
