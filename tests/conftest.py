import gc
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from overthink.store.client import Store
    from support.built_kernels import KernelsForTests
    from support.mlflow_server import Served
    from support.postgres import Postgres

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script: commands would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["OVERTHINK_KERNELS"] = (
    "torch"  # the same on machines with and without a compiler; tests of kernels take it away
)
for name in ("MLFLOW_TRACKING_URI", "OVERTHINK_DATA", "OVERTHINK_STATE", "OVERTHINK_DEBUG", "NO_COLOR"):
    os.environ.pop(name, None)

MEMORY, ROOM = Path("/dev/shm"), 6_000_000_000
"""A file system in memory, and the bytes that must be free there and in all: a session's files take up to 2 GB."""
if os.access(MEMORY, os.W_OK) and min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) > ROOM:
    # Stores and journals wait for the disk at each commit, thousands of times in the tests.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder that all processes of a session share."""
    return factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.mktemp(name)


@pytest.fixture(scope="session")
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "KernelsForTests":
    """The native kernels. A build takes many seconds; it is named by source, compiler and flags, so pytest keeps it."""
    from support.built_kernels import KernelsForTests

    kept: pytest.Cache | None = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    return KernelsForTests(kept.mkdir("kernels") if kept else shared_folder(tmp_path_factory, "kernels"))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh MLflow database. Making one takes seconds, so each session makes one and tests copy it."""
    from mlflow.store.db import utils

    from overthink.store.client import Store
    from support.engines import ReplayingEngine
    from support.one_dialect import share_compiled_statements

    share_compiled_statements()
    ReplayingEngine.folder = shared_folder(tmp_path_factory, "trainings") / "trainings"
    ReplayingEngine.folder.mkdir(exist_ok=True)
    # MLflow reads its sixty migrations at each connection to learn the newest: 40 ms, hundreds of times in the tests.
    utils._get_latest_schema_revision = cache(utils._get_latest_schema_revision)
    folder = shared_folder(tmp_path_factory, "db")
    database = folder / "empty-mlflow.db"
    with FileLock(f"{database}.lock"):
        if not database.exists():
            unfinished = folder / "unfinished-mlflow.db"
            Store(f"sqlite:///{unfinished}")
            unfinished.rename(database)
    return database


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> "Store":
    """An empty store in a working directory of its own."""
    from support.launches import opened

    return opened(tmp_path, empty_database, monkeypatch)


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> "Iterator[Served]":
    """One MLflow server for all tests of a process: starting one takes seconds."""
    from support.mlflow_server import Served

    server = Served(tmp_path_factory.mktemp("server"), empty_database)
    yield server
    server.kill(signal.SIGTERM)


@pytest.fixture
def served(mlflow_server: "Served", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> "Served":
    """A real server with an empty store, whatever earlier tests did to it; a working directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    mlflow_server.empty(empty_database)
    if not mlflow_server.answers():
        mlflow_server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    return mlflow_server


@pytest.fixture
def postgres() -> "Iterator[Postgres]":
    """A PostgreSQL of the test's own; tests that ask for it are skipped where there is none."""
    from support.postgres import Postgres, postgres_programs

    if postgres_programs() is None:
        pytest.skip("no PostgreSQL on this machine (.ci/run installs it)")
    with Postgres() as server:
        yield server


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the person's own caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium, headless; tests that ask for it are skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine (.ci/run installs it)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=program, args=quiet)
        yield browser
        browser.close()


GROUP_SERVER = {"stack", "group", "work"}
SERVICES = {
    "server": {"served", "new_stack", *GROUP_SERVER},
    "cluster": {"three_machines", "driver", "slurm"},
    "browser": {"chromium"},
}
"""Marker -> fixtures that start what it names; `process` is set by hand on tests that start or kill processes."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage among the imports of all tests: there is none, and looking for it takes a third of the time.

    Nor later: what has been imported is frozen, or each full collection looks through it again, 0.7 s each time. It is
    collected as rarely as in the command: 2% of the tests' time instead of 7%.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let commands train in the process of the test, and the same run once; those marked `process` start workers."""
    with pytest.MonkeyPatch.context() as patch:
        if not any(item.get_closest_marker(name) for name in ("process", *SERVICES)):
            from support.engines import ReplayingEngine

            patch.setattr("overthink.launching.engines.LocalEngine", lambda *_: ReplayingEngine())
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, object, object]:
    """Mark tests by the services that their fixtures start, so that `make test` can leave them out."""
    for item in items:
        if item.path.parent.name == "ray":
            item.add_marker("cluster")
        for marker, fixtures in SERVICES.items():
            if fixtures & _fixtures_of(item):
                item.add_marker(marker)
    found = yield
    items[:] = _with_the_group_server_at_once(items, int(getattr(config, "workerinput", {}).get("workercount", 1)))
    return found


def _with_the_group_server_at_once(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """Return tests with those of the group's server where the last of so many processes begins.

    Each process that runs one of them starts this server, for half a minute, and takes tests from others' ends.
    """
    of_server = [item for item in items if _fixtures_of(item) & GROUP_SERVER]
    others = [item for item in items if not _fixtures_of(item) & GROUP_SERVER]
    place = len(items) - len(items) // processes
    return [*others[:place], *of_server, *others[place:]]


def _fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))
