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


RENAMED = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/asked"
case $* in
  *"RENAME TO mlflow_replaced"*) exit 1 ;;
  *"datname = 'mlflow_replaced'"*) echo 1 ;;
  *"count(*) FROM runs"*) echo 0 ;;
  *to_regclass*) echo t ;;
esac
"""


def restored(tmp_path: Path, docker: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Restore a backup by a `docker` of our own; return what it printed and what it asked."""
    backup, programs = tmp_path / "backup", tmp_path / "bin"
    for folder in (backup, programs, tmp_path / "server"):
        folder.mkdir()
    (tmp_path / ".env").write_text("")
    (tmp_path / "server" / "restore").write_text(SCRIPT.read_text())
    for name in ("artifacts.tar", "mlflow.dump", "optuna.dump"):
        (backup / name).write_text(name)
        with (backup / "SHA256SUMS").open("a") as sums:
            sums.write(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n")
    (programs / "docker").write_text(docker)
    (programs / "docker").chmod(0o755)
    done = subprocess.run(
        ["sh", "server/restore"],
        cwd=tmp_path,
        env=os.environ | {"FROM": str(backup), "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, (programs / "asked").read_text()


def test_a_database_that_does_not_answer_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    done, asked = restored(tmp_path, DOCKER)
    assert done.returncode == 1
    assert "the database does not answer; nothing was changed" in done.stderr
    assert "DATABASE" not in asked


def test_a_reply_that_is_lost_after_the_databases_changed_places_is_no_undone_restore(tmp_path: Path) -> None:
    """It said that the server has what it had, and the next restore would have deleted what it really had."""
    done, asked = restored(tmp_path, RENAMED)
    assert done.returncode != 0
    assert "interrupted while it took its place; do the same again" in done.stderr
    assert "the server has what it had" not in done.stderr
    assert "DROP DATABASE IF EXISTS mlflow_restoring" not in asked[asked.index("RENAME TO mlflow_replaced") :]
