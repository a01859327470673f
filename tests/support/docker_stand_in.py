"""Stands in for `docker compose` in server/backup and server/restore: does what they ask beside a Stack's processes.

exec and run become the same command in the service's own environment, the rest (up, stop) is the test's to do.
"""

import json
import subprocess
import sys
from pathlib import Path

from support.server_stack import PATH, Stack


def put(stack: Stack) -> str:
    """Write the program `docker` for a stack; return the PATH that finds it first."""
    folder = stack.folder / "bin"
    folder.mkdir(exist_ok=True)
    services = {name: stack.environment(name) for name in ("postgres", "mlflow")}
    artifacts = str(stack.folder / "artifacts")
    known = {
        "services": services,
        "artifacts": artifacts,
        "log": str(folder / "asked"),
        "cwd": str(stack.folder / "home"),
    }
    (folder / "known.json").write_text(json.dumps(known))
    program = folder / "docker"
    call = (
        f'PYTHONPATH="{Path(__file__).parents[1]}" exec "{sys.executable}" "{__file__}" "{folder / "known.json"}" "$@"'
    )
    program.write_text(f"#!/bin/sh\n{call}\n")
    program.chmod(0o755)
    return f"{folder}:{PATH}"


def main(known_file: str, *arguments: str) -> int:
    """Do what docker was asked for."""
    known = json.loads(Path(known_file).read_text())
    with Path(known["log"]).open("a") as log:
        log.write(" ".join(arguments) + "\n")
    assert arguments[0] == "compose", arguments
    if arguments[1] in ("up", "stop"):
        return 0
    assert arguments[1] in ("exec", "run"), arguments
    assert "-T" in arguments, "no terminal is there"
    service, *command = [word for word in arguments[2:] if word not in ("-T", "--rm", "--no-deps")]
    mapped = [known["artifacts"] if word == "/artifacts" else word for word in command]
    return subprocess.run(mapped, env=known["services"][service], cwd=known["cwd"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
