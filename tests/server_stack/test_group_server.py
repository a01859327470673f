"""A group's server from docker-compose.yml's own commands: what its people do, over HTTPS, and what is refused them."""

import http.client
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from server_stack.stack import Stack
from small import definition

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


@pytest.fixture(scope="module")
def group(stack: Stack) -> Group:
    made = Group(stack)
    for username, password in PASSWORDS.items():
        answer = made.ask("admin", "POST", f"{API}/users/create", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
    return made


@pytest.fixture(scope="module")
def work(group: Group, tmp_path_factory: pytest.TempPathFactory) -> Work:
    """ann's run, by the command, through the proxy."""
    folder = tmp_path_factory.mktemp("ann")
    definition(folder, seeds=1, regime=[{"epochs": 1}])
    done = group.overthink("ann", folder, "run", "small.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    found = group.ask("ann", "GET", f"{API}/experiments/get-by-name", params={"experiment_name": "small"}).json()
    experiment = found["experiment"]["experiment_id"]
    runs = group.ask("ann", "POST", f"{API}/runs/search", json={"experiment_ids": [experiment]}).json()["runs"]
    (run,) = [run for run in runs if "test/accuracy/last" in {metric["key"] for metric in run["data"].get("metrics", [])}
              and "mlflow.parentRunId" in {tag["key"] for tag in run["data"]["tags"]}]  # fmt: skip
    return Work(experiment, run["info"]["run_id"], folder)


def test_a_run_is_stored_and_compared_and_not_run_again(group: Group, work: Work, tmp_path: Path) -> None:
    compared = group.overthink("bob", tmp_path, "compare", "--format", "csv")
    assert compared.returncode == 0, compared.stderr
    assert "small" in compared.stdout
    again = group.overthink("bob", tmp_path, "run", str(work.folder / "small.yaml"), "--dry-run")
    assert "done" in again.stdout + again.stderr, again.stdout


def test_the_artifacts_are_in_the_volume_and_come_back_whole(group: Group, work: Work) -> None:
    name = f"{work.experiment}/{work.run}/artifacts/predictions/test.parquet"
    kept = (group.stack.folder / "artifacts" / name).read_bytes()
    assert kept[:4] == b"PAR1"
    assert group.ask("bob", "GET", f"{ARTIFACTS}/{name}").content == kept


def test_colleagues_add_to_one_experiment(group: Group, work: Work, tmp_path: Path) -> None:
    more = group.overthink("bob", tmp_path, "run", str(work.folder / "small.yaml"), "--seeds", "1:2")
    assert more.returncode == 0, more.stdout + more.stderr
    table = group.overthink("ann", tmp_path, "compare", "--format", "json")
    assert json.loads(table.stdout), table.stderr
    assert '"n": 2' in table.stdout or '"seeds": 2' in table.stdout, table.stdout


def test_a_study_in_postgresql_shows_on_the_dashboard(group: Group) -> None:
    code = """
import optuna, os
study = optuna.create_study(study_name="lambda", storage=os.environ["OPTUNA_STORAGE"], direction="maximize")
for _ in range(3):
    trial = study.ask()
    study.tell(trial, trial.suggest_float("lambda", 1, 50))
"""
    group.stack.call("runner", "python", "-c", code, stderr=subprocess.PIPE)
    (study,) = group.ask("ann", "GET", "/api/studies").json()["study_summaries"]
    assert study["study_name"] == "lambda"
    trials = group.ask("ann", "GET", f"/api/studies/{study['study_id']}").json()["trials"]
    assert [trial["state"] for trial in trials] == ["Complete"] * 3
    assert "Optuna Dashboard" in group.ask("bob", "GET", "/dashboard/").text


DASHBOARD = ("/dashboard", "/api/studies", "/api/meta", "/static/bundle.js", "/csv/1")
MLFLOW = (
    "/",
    "/health",
    "/version",
    "/graphql",
    "/signup",
    "/metrics",
    "/v1/traces",
    f"{API}/experiments/search?max_results=1",
    f"{ARTIFACTS}/1",
    "/ajax-api/2.0/mlflow/experiments/search?max_results=1",
    "/ajax-api/3.0/jobs/search",
    "/get-artifact?path=a&run_uuid=b",
    "/static-files/static/js/main.js",
)


@pytest.mark.parametrize("path", [*DASHBOARD, *MLFLOW])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_password(group: Group, method: str, path: str) -> None:
    refused = group.ask(None, method, path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="mlflow"'


@pytest.mark.parametrize(
    "path", [*DASHBOARD, f"{API}/experiments/search?max_results=1", f"{ARTIFACTS}/1", "/v1/traces"]
)
@pytest.mark.parametrize(
    "auth", [("ann", "wrong password"), ("nobody", PASSWORDS["ann"]), ("admin", "password1234"), ("", "")]
)
def test_wrong_password(group: Group, auth: tuple[str, str], path: str) -> None:
    assert group.ask(None, "GET", path, auth=auth).status_code == 401


def test_a_wrong_password_is_one_sentence_for_the_command(group: Group, tmp_path: Path) -> None:
    definition(tmp_path)
    refused = group.overthink("ann", tmp_path, "run", "small.yaml", MLFLOW_TRACKING_PASSWORD="wrong")
    assert refused.returncode not in (0, 3)
    assert "Traceback" not in refused.stderr
    assert group.stack.address in refused.stderr + refused.stdout


def test_an_unknown_certificate_is_one_sentence_for_the_command(group: Group, tmp_path: Path) -> None:
    definition(tmp_path)
    refused = group.overthink("ann", tmp_path, "run", "small.yaml", MLFLOW_TRACKING_SERVER_CERT_PATH=None)
    assert refused.returncode not in (0, 3)
    assert "Traceback" not in refused.stderr
    assert "certificate" in (refused.stderr + refused.stdout).lower()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil.example", "mlflow:5000"])
@pytest.mark.parametrize("path", ["/api/studies", f"{API}/experiments/search?max_results=1"])
def test_a_foreign_host(group: Group, host: str, path: str) -> None:
    assert group.ask("ann", "GET", path).status_code == 200
    assert group.ask("ann", "GET", path, headers={"Host": host}).status_code == 421


def test_mlflow_refuses_a_foreign_host_too(group: Group) -> None:
    inside = f"http://127.0.0.1:{group.stack.ports['mlflow']}{API}/experiments/search?max_results=1"
    auth = ("ann", PASSWORDS["ann"])
    own = f"localhost:{group.stack.ports['proxy']}"
    assert requests.get(inside, auth=auth, headers={"Host": own}, timeout=30).status_code == 200
    assert requests.get(inside, auth=auth, headers={"Host": "evil.example"}, timeout=30).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
@pytest.mark.parametrize("path", ["/api/studies", f"{API}/experiments/create"])
def test_a_foreign_page(group: Group, origin: str, path: str) -> None:
    """A browser sends the password along with whatever a page asks for; only our own pages may."""
    assert group.ask("ann", "POST", path, headers={"Origin": origin}, json={"name": "x"}).status_code == 403
    own = group.ask("ann", "GET", "/api/studies", headers={"Origin": group.stack.address})
    assert own.status_code == 200


TRAVERSALS: list[Callable[[str], str]] = [
    lambda path: path,
    lambda path: path.replace("..", "%2e%2e"),
    lambda path: path.replace("/", "%2f"),
    lambda path: path.replace("..", "%2e%2e").replace("/", "%2F"),
    lambda path: path.replace("..", "%252e%252e").replace("/", "%252f"),
    lambda path: path.replace("/", "%5c"),
]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("spelled", TRAVERSALS)
def test_a_path_that_leaves_the_artifacts(group: Group, work: Work, spelled: Callable[[str], str], method: str) -> None:
    outside = group.stack.folder / "outside"
    outside.write_text("not yours")
    before = sorted(group.stack.folder.rglob("outside*"))
    for up in ("../outside", "../../../../outside", f"{work.experiment}/{work.run}/artifacts/../../../../outside"):
        status, body = _raw(group, method, f"{ARTIFACTS}/{spelled(up)}")
        assert 400 <= status < 500, (up, status, body)
        assert b"not yours" not in body
    assert outside.read_text() == "not yours"
    assert sorted(group.stack.folder.rglob("outside*")) == before


def _raw(group: Group, method: str, path: str) -> tuple[int, bytes]:
    """Send a path as it is: requests and urllib would tidy it."""
    context = ssl.create_default_context(cafile=group.stack.certificate)
    connection = http.client.HTTPSConnection("localhost", group.stack.ports["proxy"], context=context, timeout=60)
    headers = {"Authorization": requests.auth._basic_auth_str("ann", PASSWORDS["ann"])}
    connection.request(method, path, body=b"mine now" if method == "PUT" else None, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_nobody_deletes_what_is_another_s(group: Group, work: Work) -> None:
    kept = group.stack.folder / "artifacts" / work.experiment / work.run / "artifacts" / "predictions" / "test.parquet"
    attempts = [
        ("POST", f"{API}/experiments/delete", {"experiment_id": work.experiment}),
        ("POST", f"{API}/runs/delete", {"run_id": work.run}),
        ("DELETE", f"{ARTIFACTS}/{work.experiment}/{work.run}/artifacts/predictions/test.parquet", None),
        ("DELETE", f"{API}/users/delete", {"username": "ann"}),
        ("PATCH", f"{API}/users/update-admin", {"username": "bob", "is_admin": True}),
        ("PATCH", f"{API}/users/update-password", {"username": "ann", "password": "bob knows it now"}),
        ("POST", f"{API}/users/create", {"username": "eve", "password": "a password of eve's"}),
    ]
    for method, path, body in attempts:
        refused = group.ask("bob", method, path, json=body)
        assert refused.status_code == 403, (path, refused.status_code, refused.text)
    assert kept.exists()
    run = group.ask("bob", "GET", f"{API}/runs/get", params={"run_id": work.run}).json()["run"]
    assert run["info"]["lifecycle_stage"] == "active"


def test_who_made_an_experiment_deletes_it(group: Group) -> None:
    made = group.ask("bob", "POST", f"{API}/experiments/create", json={"name": "bob's own"}).json()
    assert group.ask("ann", "POST", f"{API}/experiments/delete", json=made).status_code == 403
    assert group.ask("bob", "POST", f"{API}/experiments/delete", json=made).status_code == 200


def test_the_databases_are_apart(stack: Stack) -> None:
    for service, other in (("mlflow", "optuna"), ("optuna-dashboard", "mlflow")):
        own = other.replace("optuna", "mlflow") if service == "mlflow" else "optuna"
        stack.call(service, "psql", "--dbname", own, "--command", "SELECT 1", stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.CalledProcessError):
            stack.call(service, "psql", "--dbname", other, "--command", "SELECT 1", stderr=subprocess.DEVNULL)


def test_accounts_are_in_postgresql_and_nothing_is_beside_it(stack: Stack, group: Group) -> None:
    query = ["psql", "--dbname", "mlflow", "--tuples-only", "--no-align", "--command", "SELECT username FROM users"]
    names = stack.call("mlflow", *query, capture_output=True, text=True).stdout.split()
    assert set(names) >= {"admin", *PASSWORDS}
    assert list((stack.folder / "home").glob("*.db")) == []


def test_no_secret_is_in_a_log_or_on_a_command_line(stack: Stack, work: Work) -> None:
    logs = "".join(path.read_text() for path in (stack.folder / "log").iterdir())
    lines = "".join(" ".join(map(str, process.args)) for process in stack.processes.values())  # type: ignore[arg-type]
    for name, secret in stack.secrets.items():
        if name.endswith(("PASSWORD", "KEY")):
            assert secret not in logs + lines, name
