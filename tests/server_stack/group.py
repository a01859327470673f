"""A group's server and its people: ann and bob, each on a machine of their own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import requests

from server_stack.stack import Stack

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PASSWORDS = {"ann": "a password of ann's", "bob": "a password of bob's"}


class Group(NamedTuple):
    """The server and two people's accounts on it."""

    stack: Stack

    def ask(self, name: str | None, method: str, path: str, **options: Any) -> requests.Response:
        passwords = {**PASSWORDS, "admin": self.stack.secrets["MLFLOW_ADMIN_PASSWORD"]}
        auth = None if name is None else (name, passwords[name])
        options = {"auth": auth, "verify": self.stack.certificate, "allow_redirects": False, "timeout": 60, **options}
        return requests.request(method, self.stack.address + path, **options)

    def overthink(
        self, name: str, folder: Path, *arguments: str, **changes: str | None
    ) -> "subprocess.CompletedProcess[str]":
        """Call the command as someone on a machine of their own."""
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
        command = [sys.executable, "-m", "overthink.cli", *arguments]
        environment = {key: value for key, value in settings.items() if value is not None}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


class Work(NamedTuple):
    """What ann has stored."""

    experiment: str
    run: str
    folder: Path
