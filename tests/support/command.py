"""The command as people and scripts meet it: a process, its output, its exit code."""

import os
import subprocess
import sys
from pathlib import Path


def overthink(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "overthink.cli", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
