"""The `overthink` command: its subcommands, the options of all of them, and exit codes.

Each command stands in a module of `commands`. These modules import torch, MLflow and our packages that need them
inside their functions, so that `overthink --help` and wrong options take half a second instead of several.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated

import typer

from overthink.cli.commands import data
from overthink.cli.commands.analyse import analyse
from overthink.cli.commands.anytime import anytime
from overthink.cli.commands.bench import bench
from overthink.cli.commands.budget import budget
from overthink.cli.commands.cascade import cascade
from overthink.cli.commands.clean import clean
from overthink.cli.commands.cluster import cluster
from overthink.cli.commands.compare import compare
from overthink.cli.commands.diff import diff
from overthink.cli.commands.doctor import doctor
from overthink.cli.commands.dynamics import dynamics
from overthink.cli.commands.export import export
from overthink.cli.commands.figure import figure
from overthink.cli.commands.frequency import frequency
from overthink.cli.commands.grad_cam import grad_cam
from overthink.cli.commands.import_runs import import_runs
from overthink.cli.commands.inspect import inspect
from overthink.cli.commands.labels import labels
from overthink.cli.commands.plugins import plugins
from overthink.cli.commands.policies import policies
from overthink.cli.commands.predict import predict
from overthink.cli.commands.report import report
from overthink.cli.commands.run import run
from overthink.cli.commands.runs import runs
from overthink.cli.commands.study import study
from overthink.cli.commands.sweep import sweep
from overthink.cli.commands.sync import UploadFirst, sync
from overthink.cli.commands.ui import ui
from overthink.cli.exit_codes import FAILURE, exit_code_for, exit_on_signals
from overthink.cli.output import log
from overthink.cli.plugin_option import with_plugins
from overthink.cli.terminal import flushed, open_missing_streams, prepare_output
from overthink.report.safe_text import print_text
from overthink.settings import lent_home

PANELS: dict[str, tuple[Callable[..., int], ...]] = {
    "Train": (run, sweep, import_runs, cascade, cluster, sync, clean, doctor),
    "Compare and report": (runs, compare, diff, analyse, policies, study, dynamics, figure, report, export, ui),
    "Look into runs": (predict, budget, anytime, labels, bench, frequency, grad_cam),
}
UPLOAD_THEMSELVES = (run, sweep, sync, import_runs, cascade)
NAMES: dict[object, str] = {import_runs: "import"}
"""Of commands that no Python function can be called."""
NEED_NO_STORE = (inspect, cluster, doctor)
OPEN_FILES = 65_536


def _exit(code: int, **_options: object) -> None:
    raise typer.Exit(code)


app = typer.Typer(
    help="Train multi-exit image classifiers from definition files, and compare how much they overthink.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    result_callback=_exit,  # commands return their exit code
)
for panel, commands in PANELS.items():
    for command in commands:
        alone = command in UPLOAD_THEMSELVES or command in NEED_NO_STORE
        cls = None if alone else UploadFirst
        app.command(NAMES.get(command), cls=cls, rich_help_panel=panel)(with_plugins(command))
for command in (inspect, plugins):
    app.command(rich_help_panel="Definitions and data")(with_plugins(command))
app.add_typer(data.app, name="data", rich_help_panel="Definitions and data")


def _show_version(wanted: bool) -> None:
    if wanted:
        from overthink import __version__

        typer.echo(f"overthink {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with each error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Set what holds for every command."""
    if debug:
        os.environ["OVERTHINK_DEBUG"] = "1"


def execute(arguments: Sequence[str]) -> int:
    """Run the command with some arguments; return the exit code (see `exit_codes`)."""
    prepare_output()
    try:
        app(list(arguments), prog_name="overthink")
    except BaseException as error:  # noqa: BLE001 - reports every error as a message and an exit code
        return exit_code_for(error, log())
    raise AssertionError("click always exits")


def _allow_open_files() -> None:
    """Let this process open as many files as the system allows it: each run that is planned holds a lock."""
    with suppress(ImportError, ValueError, OSError):  # not on Windows; a limit that the system does not take
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        unlimited = most == resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if unlimited else min(most, OPEN_FILES), most))


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    exit_on_signals()
    _allow_open_files()
    gc.set_threshold(50_000, 20, 100)  # of a million objects that imports make none is garbage: an eighth of their time
    open_missing_streams()
    os.environ.update(lent_home())
    code = execute(sys.argv[1:])
    if problem := flushed():
        print_text(log(), f"error: {problem}")
        code = code or FAILURE
    flushed()
    sys.exit(code)


if __name__ == "__main__":
    main()
