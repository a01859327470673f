"""`make restore` replaces nothing where it cannot see whether there is something to replace."""

import hashlib
import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "server" / "restore"
DOCKER = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/asked"
case $* in *"--dbname=mlflow --command SELECT to_regclass"*) echo "it is starting up" >&2; exit 2 ;; esac
"""


def test_a_database_that_does_not_answer_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    backup, programs = tmp_path / "backup", tmp_path / "bin"
    for folder in (backup, programs, tmp_path / "server"):
        folder.mkdir()
    (tmp_path / ".env").write_text("")
    (tmp_path / "server" / "restore").write_text(SCRIPT.read_text())
    for name in ("artifacts.tar", "mlflow.dump", "optuna.dump"):
        (backup / name).write_text(name)
        with (backup / "SHA256SUMS").open("a") as sums:
            sums.write(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n")
    (programs / "docker").write_text(DOCKER)
    (programs / "docker").chmod(0o755)
    done = subprocess.run(
        ["sh", "server/restore"],
        cwd=tmp_path,
        env=os.environ | {"FROM": str(backup), "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the database does not answer; nothing was changed" in done.stderr
    assert "DATABASE" not in (programs / "asked").read_text()
