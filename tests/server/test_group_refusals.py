"""What a group's server refuses: strangers, wrong passwords, foreign hosts and pages, paths that leave its folder."""

import http.client
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from support.server_group import API, ARTIFACTS, PASSWORDS, Group, Work
from support.small import definition

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


GUARDED = (*DASHBOARD, f"{API}/experiments/search?max_results=1", f"{ARTIFACTS}/1", "/v1/traces")


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "auth", [("ann", "wrong password"), ("nobody", PASSWORDS["ann"]), ("admin", "password1234"), ("", "")]
)
def test_wrong_password(group: Group, auth: tuple[str, str], path: str) -> None:
    source = f"127.1.{1 + GUARDED.index(path)}.{1 + len(auth[1])}"  # of its own, since wrong passwords are limited
    assert group.ask(None, "GET", path, source=source, auth=auth).status_code == 401


def test_a_wrong_password_is_one_sentence_for_the_command(group: Group, tmp_path: Path) -> None:
    definition(tmp_path)
    refused = group.overthink("ann", tmp_path, "run", "small.yaml", MLFLOW_TRACKING_PASSWORD="wrong")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert group.stack.address in refused.stderr + refused.stdout


def test_no_account_is_a_sentence_that_says_what_to_set(group: Group, tmp_path: Path) -> None:
    definition(tmp_path)
    nobody = {"MLFLOW_TRACKING_USERNAME": None, "MLFLOW_TRACKING_PASSWORD": None}
    refused = group.overthink("ann", tmp_path, "run", "small.yaml", **nobody)
    assert refused.returncode == 1
    assert "an account is needed: set MLFLOW_TRACKING_USERNAME" in refused.stderr + refused.stdout


def test_an_unknown_certificate_is_one_sentence_for_the_command(group: Group, tmp_path: Path) -> None:
    definition(tmp_path)
    refused = group.overthink("ann", tmp_path, "run", "small.yaml", MLFLOW_TRACKING_SERVER_CERT_PATH=None)
    assert refused.returncode == 1
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
