"""The services of docker-compose.yml as processes of this machine: its commands, with addresses and folders mapped."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from support.ports import free_port
from support.postgres import postgres_programs

ROOT = Path(__file__).parents[2]
PROGRAMS = (Path(sys.executable).parent, postgres_programs(), os.environ["PATH"], "/usr/sbin")
PATH = os.pathsep.join(str(place) for place in PROGRAMS if place)
NEEDED = ("docker-compose", "initdb", "nginx", "envsubst", "openssl", "curl", "setpriv")
PORTS = {"postgres": 5432, "mlflow": 5000, "optuna-dashboard": 8080, "proxy": 8443}


def missing() -> list[str]:
    """Return the programs that the services need and this machine does not have."""
    return [name for name in NEEDED if shutil.which(name, path=PATH) is None]


def checkout(folder: Path) -> Path:
    """Return a folder with what `make secrets` and compose need of the repository."""
    for name in ("docker-compose.yml", "Makefile", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "server", folder / "server", ignore=shutil.ignore_patterns("tls"))
    return folder


def make(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Call make there."""
    settings = {"PATH": PATH, "HOME": str(folder), **environment}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )


def compose(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call the real docker-compose there; what it only reads needs no engine."""
    return subprocess.run(
        ["docker-compose", *arguments],
        cwd=folder,
        env={"PATH": PATH, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


class Stack:
    """A checkout with its own .env, which may have more settings, and its services' processes."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = checkout(folder)
        folder.chmod(0o755)  # the services run as other users than root
        self.ports = {service: free_port() for service in PORTS}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.seconds: dict[str, float] = {}
        made = make(folder, "secrets", "SERVER_NAME=localhost", f"HTTPS_PORT={self.ports['proxy']}")
        assert made.returncode == 0, made.stderr
        with (folder / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())
        self.settings = dict(
            line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if not line.startswith("#")
        )
        self.passwords = {path.name: path.read_text().strip() for path in (folder / "server" / "passwords").iterdir()}
        shutil.copytree(folder / "server" / "passwords", folder / "secrets")  # as they are mounted: files alone
        (folder / "secrets").chmod(0o755)
        resolved = compose(folder, "--profile", "*", "config", "--format", "json")
        assert resolved.returncode == 0, resolved.stderr
        self.services: dict[str, Any] = json.loads(resolved.stdout.replace("$$", "$"))["services"]
        for name in ("databases", "artifacts", "data", "state", "tmp", "home", "log"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
        for service, name in (("proxy", "nginx.conf"), ("postgres", "databases.sh")):
            script = folder / "server" / name
            script.write_text(self.local(service, script.read_text()))

    @property
    def address(self) -> str:
        return f"https://localhost:{self.ports['proxy']}"

    @property
    def certificate(self) -> str:
        return str(self.folder / "server" / "tls" / "server.crt")

    def local(self, service: str, text: str) -> str:
        """Return text of a service's container with this machine's addresses, ports and folders."""
        for other, port in PORTS.items():
            text = text.replace(f"{other}:{port}", f"127.0.0.1:{self.ports[other]}")
            text = re.sub(rf"(?<![\d.]){port}(?!\d)", str(self.ports[other]), text)
        text = re.sub(
            rf"(?<!\w)/tmp/(?!{self.folder.name})", f"{self.folder}/tmp/", text.replace("0.0.0.0", "127.0.0.1")
        )
        text = text.replace("/run/secrets/", f"{self.folder}/secrets/")
        volumes = [one for one in self.services[service].get("volumes", []) if one["target"] != "/tmp"]  # see TMPDIR
        for volume in volumes:
            source = volume["source"] if volume["type"] == "bind" else str(self.folder / volume["source"])
            text = text.replace(volume["target"], source)
        return re.sub(r"(?<![\w/])/etc/overthink(?![\w/])", str(self.folder / "server"), text)

    def environment(self, service: str) -> dict[str, str]:
        """Return a service's environment as compose would set it, and nothing else of this machine's but the path."""
        declared = self.services[service].get("environment", {})
        mapped = {name: self.local(service, value) for name, value in declared.items() if value is not None}
        if mapped.get("PGHOST") == "postgres":
            mapped["PGHOST"] = "127.0.0.1"
        socket_folder = {"PGHOST": str(self.folder / "tmp"), "PGPORT": str(self.ports["postgres"])}
        own = {"PATH": PATH, "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        return {**own, **(socket_folder if service == "postgres" else {}), **mapped}

    def argv(self, service: str, command: list[str] | None = None) -> list[str]:
        """Return a command of a service, its declared one by default, as the user that the service has."""
        declared = self.services[service]
        words = command or [*(declared.get("entrypoint") or []), *declared["command"]]
        return self._as_user(service, [self.local(service, word) for word in words])

    def entry(self, service: str) -> list[str]:
        """Return what gives a service its passwords and then starts the words that follow."""
        words: list[str] = self.services[service].get("entrypoint") or []
        return [self.local(service, word) for word in words[: words.index("--") + 1]] if "--" in words else []

    def _as_user(self, service: str, words: list[str]) -> list[str]:
        if os.geteuid() != 0:
            return words
        user = {"postgres": "postgres", "proxy": self.settings["PROXY_USER"].split(":")[0]}.get(service)
        return words if user is None else ["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", *words]

    def call(self, service: str, *command: str, **options: Any) -> "subprocess.CompletedProcess[Any]":
        """Do what `docker compose run` would, in the service's environment and with its passwords."""
        words = [*self.entry(service), *self.argv(service, list(command))]
        return subprocess.run(words, env=self.environment(service), cwd=self.folder / "home", check=True, **options)

    def start(self, *services: str) -> None:
        """Start services in their order and wait until each one's own health check passes."""
        for service in services:
            begun = time.monotonic()
            log = self.folder / "log" / f"{service}.log"
            log.touch()
            log.chmod(0o666)
            command = self._postgres() if service == "postgres" else self.argv(service)
            with log.open("ab") as output:
                self.processes[service] = subprocess.Popen(
                    command,
                    env=self.environment(service),
                    cwd=self.folder / "home",
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            self._wait_until_healthy(service, log)
            if service == "postgres":
                script = self.services["postgres"]["volumes"][1]["source"]
                self.call("postgres", "sh", script, stdout=subprocess.DEVNULL)
            self.seconds[service] = time.monotonic() - begun

    def _postgres(self) -> list[str]:
        """Do what the image does on an empty volume; return the server's command."""
        data = self.folder / "databases" / "data"
        arguments = self.services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
        password = self.folder / "tmp" / "password"
        password.write_text(self.passwords["postgres"])
        password.chmod(0o644)
        self.call(
            "postgres",
            *("initdb", *arguments, "--username=postgres", f"--pwfile={password}", f"--pgdata={data}", "--no-sync"),
            stdout=subprocess.DEVNULL,
        )
        password.unlink()
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder / "tmp", "fsync": "off"}
        settings = [f"--{name}={value}" for name, value in options.items()]
        return self.argv("postgres", ["postgres", "-D", str(data), "-p", str(self.ports["postgres"]), *settings])

    def healthy(self, service: str) -> bool:
        """Run the service's health check, without its CMD."""
        check = self.argv(service, self.services[service]["healthcheck"]["test"][1:])
        environment = self.environment(service)
        done = subprocess.run(check, env=environment, capture_output=True, check=False, cwd=self.folder / "home")
        return done.returncode == 0

    def _wait_until_healthy(self, service: str, log: Path) -> None:
        deadline = time.monotonic() + 120
        while not self.healthy(service):
            waiting = self.processes[service].poll() is None and time.monotonic() < deadline
            assert waiting, log.read_text()[-3000:]
            time.sleep(0.3)

    def stop(self) -> None:
        """End the processes, the proxy first."""
        for service, process in reversed(self.processes.items()):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, signal.SIGINT if service == "postgres" else signal.SIGTERM)  # as its image says
                process.wait(timeout=20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=20)
        self.processes.clear()
