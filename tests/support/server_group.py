"""A group's server and its people: ann and bob, each on a machine of their own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter

from support.server_stack import ROOT, Stack

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PASSWORDS = {"ann": "a password of ann's", "bob": "a password of bob's"}


class _From(HTTPAdapter):
    """Connects from an address; 127.0.0.0/8 are all this machine's."""

    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._source, 0))


class Group(NamedTuple):
    """The server and two people's accounts on it."""

    stack: Stack

    def ask(
        self, name: str | None, method: str, path: str, source: str = "127.0.0.1", **options: Any
    ) -> requests.Response:
        """Send a request with someone's account, from an address of this machine."""
        passwords = {**PASSWORDS, "admin": self.stack.passwords["mlflow-admin"]}
        auth = None if name is None else (name, passwords[name])
        options = {"auth": auth, "verify": self.stack.certificate, "allow_redirects": False, "timeout": 60, **options}
        with requests.Session() as session:
            session.trust_env = False
            session.mount("https://", _From(source))
            return session.request(method, self.stack.address + path, **options)

    def trials(self, name: str, study: str) -> list[dict[str, Any]]:
        """Return what the dashboard tells someone of a study's trials."""
        summaries = self.ask(name, "GET", "/api/studies").json()["study_summaries"]
        (number,) = (summary["study_id"] for summary in summaries if summary["study_name"] == study)
        found: list[dict[str, Any]] = self.ask(name, "GET", f"/api/studies/{number}").json()["trials"]
        return found

    def overthink(
        self, name: str, folder: Path, *arguments: str, **changes: str | None
    ) -> "subprocess.CompletedProcess[str]":
        """Call the command as someone on a machine of their own."""
        return _overthink(folder, self._environment(name, folder, **changes), *arguments)

    def python(self, name: str, folder: Path, code: str) -> "subprocess.CompletedProcess[str]":
        """Run code as someone on a machine of their own."""
        command = [sys.executable, "-W", "ignore", "-c", code]
        environment = self._environment(name, folder)
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    def _environment(self, name: str, folder: Path, **changes: str | None) -> dict[str, str]:
        settings: dict[str, str | None] = {
            **os.environ,
            "MLFLOW_TRACKING_URI": self.stack.address,
            "MLFLOW_TRACKING_USERNAME": name,
            "MLFLOW_TRACKING_PASSWORD": PASSWORDS[name],
            "MLFLOW_TRACKING_SERVER_CERT_PATH": self.stack.certificate,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "COLUMNS": "120",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            **changes,
        }
        return {key: value for key, value in settings.items() if value is not None}

    def runner(self, name: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Call the command on the server, as `docker compose run runner` does, with someone's account."""
        account = {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": PASSWORDS[name]}
        of_the_image = {"PYTHONPATH": str(ROOT / "platform"), "OMP_NUM_THREADS": "1"}
        environment = {**self.stack.environment("runner"), **account, **of_the_image}
        return _overthink(folder, environment, *arguments, entry=self.stack.entry("runner"))


def _overthink(
    folder: Path, environment: dict[str, str], *arguments: str, entry: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    command = [*entry, sys.executable, "-m", "overthink.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def with_accounts(stack: Stack) -> Group:
    """Make the two people's accounts, as docs/server.md says."""
    group = Group(stack)
    for username, password in PASSWORDS.items():
        answer = group.ask("admin", "POST", f"{API}/users/create", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
    return group


def first_run(group: Group, experiment: str) -> tuple[str, str]:
    """Return the ids of an experiment and of the one run that it has."""
    found = group.ask("ann", "GET", f"{API}/experiments/get-by-name", params={"experiment_name": experiment}).json()
    number = found["experiment"]["experiment_id"]
    runs = group.ask("ann", "POST", f"{API}/runs/search", json={"experiment_ids": [number]}).json()["runs"]
    (run,) = (run for run in runs if "mlflow.parentRunId" in {tag["key"] for tag in run["data"]["tags"]})
    return number, run["info"]["run_id"]


class Work(NamedTuple):
    """What ann has stored."""

    experiment: str
    run: str
    folder: Path
