"""A PostgreSQL of a test's own: Debian's programs, a folder in /tmp, a free port on loopback."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from support.ports import free_port


def postgres_programs() -> Path | None:
    """Return the folder of Debian's newest PostgreSQL, if there is one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """A server that lives as long as the `with` block."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="overthink-postgres-", dir="/tmp"))
        self._port = free_port()
        if os.getuid() == 0:  # it refuses to be run by root
            shutil.chown(self._folder, "postgres", "postgres")
        self._call("initdb", "-D", f"{self._folder}/data", "-A", "trust", "-U", "tester", "-N")
        self.start()
        return self

    def start(self) -> None:
        """Start the server; return once it answers."""
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._call("pg_ctl", "-D", f"{self._folder}/data", "-o", options, "-l", f"{self._folder}/log", "-w", "start")

    def stop(self) -> None:
        """Stop the server, whatever is connected to it."""
        self._call("pg_ctl", "-D", f"{self._folder}/data", "-m", "fast", "stop")

    def database(self, name: str) -> str:
        """Make a database; return its address."""
        self._call("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "tester", name)
        return f"postgresql+psycopg://tester@127.0.0.1:{self._port}/{name}"

    def __exit__(self, *_: object) -> None:
        self._call("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _call(self, program: str, *arguments: str) -> None:
        programs = postgres_programs()
        assert programs is not None
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*user, str(programs / program), *arguments], check=True, capture_output=True, cwd="/tmp")
