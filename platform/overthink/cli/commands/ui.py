"""`overthink ui`: the MLflow UI of the store, on this machine only."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overthink.cli.exit_codes import FAILURE, OK, InterruptedBySignal
from overthink.cli.output import log

if TYPE_CHECKING:
    from overthink.store.client import Store

HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 30
STORAGE = "OPTUNA_STORAGE"
DASHBOARD = f"""
import os, sys
from optuna_dashboard import run_server
run_server(os.environ["{STORAGE}"], host=sys.argv[1], port=int(sys.argv[2]))
"""


def ui(
    port: Annotated[int, typer.Option(metavar="PORT", help="Port to listen on.", min=1, max=65535)] = 5000,
    dashboard: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            help="Also start optuna-dashboard, at this port: the trials of sweeps, with links to their runs and back.",
            min=1,
            max=65535,
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser, on a desktop.")
    ] = True,
) -> int:
    """Start the MLflow UI of the store, reachable from this machine only. Stop it with Ctrl-C."""
    from overthink.launching.sync import mark_abandoned_as_interrupted
    from overthink.report.ui_views import LOCAL_NAME, runs_link
    from overthink.store.all_runs import all_runs
    from overthink.store.client import Store
    from overthink.store.uri import without_account
    from overthink.store.writer import Writer

    store, console = Store(), log()
    mark_abandoned_as_interrupted(store, Writer(store))
    newest = next(iter(all_runs(store)), None)
    base = without_account(store.uri) if store.uri.startswith("http") else f"http://{LOCAL_NAME}:{port}"
    address = runs_link(store, newest.experiment_id, base) if newest else base
    if store.uri.startswith("http"):
        console.print(f"The store is a tracking server with its own UI: {address}", soft_wrap=True)
        return OK
    if _taken(port):
        console.print(f"error: port {port} is in use; try --port {port + 1}")
        return FAILURE
    with _dashboard(store, base, dashboard, console):
        return _serve(store.uri, port, address, open_browser, console)


@contextmanager
def _dashboard(store: "Store", base: str, port: int | None, console: Console) -> Iterator[None]:
    """Run optuna-dashboard on the storage of sweeps, if a port is given. Raises ValueError where it cannot be."""
    if port is None:
        yield
        return
    from overthink.store.uri import engine_uri
    from overthink.store.writer import Writer
    from overthink.sweep.dashboard import link_all
    from overthink.sweep.storage import storage_uri

    if importlib.util.find_spec("optuna_dashboard") is None:
        raise ValueError("--dashboard: optuna-dashboard is not installed; install it with pip install optuna-dashboard")
    if _taken(port):
        raise ValueError(f"--dashboard {port}: this port is in use; try {port + 1}")
    uri, address = storage_uri(), f"http://{HOST}:{port}/dashboard"
    link_all(uri, store, Writer(store), base, address)
    settings = {**os.environ, STORAGE: engine_uri(uri)}  # any user can read command lines
    command = [sys.executable, "-c", DASHBOARD, HOST, str(port)]
    server = subprocess.Popen(command, env=settings, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        if not _answers(server, port, "/api/meta"):
            raise ValueError(f"--dashboard {port}: optuna-dashboard did not start")
        console.print(f"optuna-dashboard: {address}", soft_wrap=True)
        yield
    finally:
        _stop(server)


def _serve(uri: str, port: int, address: str, open_browser: bool, console: Console) -> int:
    from overthink.report.ui_views import LOCAL_NAME

    server = subprocess.Popen(command(port), env=environment(uri), start_new_session=True)
    try:
        if not _answers(server, port):
            console.print("error: the MLflow server did not start")
            return FAILURE
        console.print(f"MLflow UI: {address}", soft_wrap=True)
        console.print(f"If the browser cannot resolve {LOCAL_NAME}, use {HOST}:{port}. Stop with Ctrl-C.")
        if open_browser and (
            sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            webbrowser.open(address)
        server.wait()
        return OK if server.returncode == 0 else FAILURE
    except InterruptedBySignal:
        return OK
    finally:
        _stop(server)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End a server with all its processes; one that does not end by itself is killed."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, how)
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=STOP_SECONDS)
            return


def command(port: int) -> list[str]:
    """Return the command that starts the server."""
    from overthink.report.ui_views import LOCAL_NAME

    names = ",".join(f"{name}:{port}" for name in (HOST, "localhost", LOCAL_NAME))
    arguments = {
        "--host": HOST,
        "--port": str(port),
        "--workers": "1",
        "--allowed-hosts": names,
        "--cors-allowed-origins": f"http://{LOCAL_NAME}:{port}",
        "--uvicorn-opts": "--log-level warning",
    }
    return [sys.executable, "-m", "mlflow", "server", *(word for pair in arguments.items() for word in pair)]


def environment(uri: str) -> dict[str, str]:
    """Return the environment of the server; the store URI is in it, since any user can read command lines."""
    from overthink.store.uri import engine_uri

    settings = {
        "MLFLOW_BACKEND_STORE_URI": engine_uri(uri),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore::UserWarning"),  # starlette's, of MLflow's code
    }
    return {**os.environ, **settings}


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _answers(server: "subprocess.Popen[bytes]", port: int, path: str = "/health") -> bool:
    import urllib.request
    from http.client import HTTPException

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy sees this machine
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError, HTTPException), direct.open(f"http://{HOST}:{port}{path}", timeout=5):
            return True
        time.sleep(0.3)
    return False
