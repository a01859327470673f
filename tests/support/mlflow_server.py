"""A real MLflow server that can be killed and started again, and a proxy before it that loses replies."""

import http.client
import os
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from overthink.cli.commands.ui import command, environment
from support.ports import free_port


class Served:
    """An MLflow server on a copy of an empty database; the same address through all its lives."""

    def __init__(self, folder: Path, database: Path | str) -> None:
        """`database` is an SQLite file to copy, or the address of a database."""
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._backend = str(database)
        if isinstance(database, Path):
            (folder / "served.db").write_bytes(database.read_bytes())
            self._backend = f"sqlite:///{folder}/served.db"
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def empty(self, database: Path) -> None:
        """Bring the server's SQLite database to the content of another one, while the server runs or not."""
        with closing(sqlite3.connect(self.folder / "served.db", timeout=30)) as connection, connection:
            connection.execute("ATTACH ? AS fresh", (str(database),))
            query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            for (table,) in connection.execute(query).fetchall():
                columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
                connection.execute(f"DELETE FROM main.{table}")
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM fresh.{table}")

    def start(self, wait: bool = True) -> None:
        arguments = [
            *command(self.port),
            "--serve-artifacts",
            "--artifacts-destination",
            str(self.folder / "artifacts"),
        ]
        its_own = environment(self._backend)
        with (self.folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                arguments, env=its_own, stderr=log, stdout=log, start_new_session=True, cwd=self.folder
            )  # a test's own folder goes when it has passed
        deadline = time.monotonic() + 120
        while wait and not self.answers():
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()[-2000:]
            time.sleep(0.2)

    def answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
            return True
        return False

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the server and everything it started."""
        if self._process is not None:
            os.killpg(self._process.pid, number)
            self._process.wait(timeout=30)
            self._process = None


class Proxy:
    """Hands requests on to a server, and for some gives its client something else than the server's reply.

    `fate` is asked after the server has done what a request asks for: None lets the reply through, "drop" closes the
    connection, a number is a status sent instead. "refuse" comes before: the server never gets the request.
    """

    def __init__(self, port: int, fate: Callable[[str, str], str | int | None]) -> None:
        self.fate = fate
        self.asked = 0
        self.harmed = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                proxy.asked += 1
                fate = proxy.fate(self.command, self.path)
                if fate is not None:
                    proxy.harmed += 1
                status, content = 0, b""
                headers: dict[str, str] = {}
                if not (isinstance(fate, int) and fate == 503):
                    status, headers, content = self._answer(port, body)
                if fate == "drop":
                    self.close_connection = True
                    return
                self.send_response(fate if isinstance(fate, int) else status)
                if isinstance(fate, int):
                    content = b"<html>not now</html>"
                for name in ("Content-Type", "Content-Disposition"):
                    if name in headers and not isinstance(fate, int):
                        self.send_header(name, headers[name])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _answer(self, port: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                given = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
                connection.request(self.command, self.path, body, {**given, "Accept-Encoding": "identity"})
                reply = connection.getresponse()
                content = reply.read()
                connection.close()
                return reply.status, dict(reply.getheaders()), content

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
