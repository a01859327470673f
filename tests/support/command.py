"""The command in tests: as a process, and in this process, which saves the seconds that its imports take."""

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from overthink.cli.main import execute
from support.light_pages import leave_out_plotlyjs


def overthink(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a process in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "overthink.cli", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def invoke(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in this process, in a folder; exit code and output are those of a process.

    The store is `mlflow.db` of the folder, by its absolute path: MLflow keeps one engine for each URI. Pages are
    without plotly.js.
    """
    store = f"sqlite:///{folder}/mlflow.db"
    settings = {"COLUMNS": "80", "MLFLOW_TRACKING_URI": store, "OVERTHINK_DEBUG": "", **environment}
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "excepthook", sys.excepthook)  # typer sets its own
        leave_out_plotlyjs(patch)
        for name, value in settings.items():
            patch.setenv(name, value)
        code = execute(arguments)
    return subprocess.CompletedProcess(["overthink", *arguments], code, out.getvalue(), err.getvalue())


def ok(folder: Path, *arguments: str) -> str:
    """Run the command in this process as `invoke` does; return what it prints, for it must succeed."""
    done = invoke(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
