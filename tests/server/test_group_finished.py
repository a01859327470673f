"""Two people on a group's server: what each can change of the other's runs, experiments and artifacts."""

import http.client
import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from overthink.store import tags
from support.server_group import API, ARTIFACTS, PASSWORDS, Group, Work

AJAX = API.replace("/api/", "/ajax-api/")
FORGED = b"PAR1 forged by bob"


def state(group: Group, work: Work) -> tuple[Any, dict[str, bytes]]:
    """Return all that a run holds: what MLflow says of it, and its files."""
    run = group.ask("ann", "GET", f"{API}/runs/get", params={"run_id": work.run}).json()["run"]
    for entries in run["data"].values():
        entries.sort(key=lambda entry: entry["key"])
    folder = group.stack.folder / "artifacts" / work.experiment / work.run
    return run, {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def value_of(group: Group, work: Work, metric: str) -> float:
    run, _ = state(group, work)
    (found,) = (one["value"] for one in run["data"]["metrics"] if one["key"] == metric)
    return float(found)


def one(key: str, value: float) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": 1, "step": 10**6}


@pytest.fixture
def running(group: Group) -> Iterator[Callable[..., str]]:
    """Make runs of ann's that have not finished, with tags, in an experiment that is deleted at the end."""
    made = group.ask("ann", "POST", f"{API}/experiments/create", json={"name": f"runs {uuid.uuid4()}"}).json()

    def make(**marks: str) -> str:
        body = {**made, "tags": [{"key": key, "value": value} for key, value in marks.items()]}
        return str(group.ask("ann", "POST", f"{API}/runs/create", json=body).json()["run"]["info"]["run_id"])

    yield make
    assert group.ask("ann", "POST", f"{API}/experiments/delete", json=made).status_code == 200


LAST = "test/accuracy/last"
CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "a metric": ("runs/log-metric", one(LAST, 1.0)),
    "a metric in a batch": ("runs/log-batch", {"metrics": [one("new", 1.0), one(LAST, 1.0)]}),
    "a tag": ("runs/set-tag", {"key": tags.SEEDS, "value": "7"}),
    "a tag in a batch": ("runs/log-batch", {"tags": [{"key": tags.RUN_KEY, "value": "x"}]}),
    "a new tag of ours": ("runs/set-tag", {"key": tags.REPLACED_BY, "value": "0" * 32}),
    "its kind": ("runs/set-tag", {"key": tags.KIND, "value": tags.KIND_GROUP}),
    "a link less": ("runs/delete-tag", {"key": tags.RUN_KEY}),
    "its parent": ("runs/set-tag", {"key": tags.PARENT_OF_MLFLOW, "value": "0" * 32}),
    "its name": ("runs/update", {"run_name": "bob's"}),
    "its status": ("runs/update", {"status": "RUNNING"}),
    "its end": ("runs/update", {"status": "FINISHED", "end_time": 7}),
    "an input": ("runs/log-inputs", {"datasets": []}),
    "a model": ("runs/log-model", {"model_json": "{}"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_finished_run_stays_as_it_is(group: Group, work: Work, change: str) -> None:
    before = state(group, work)
    endpoint, body = CHANGES[change]
    for base in (API, AJAX):
        for name in ("run_id", "run_uuid", "runId"):
            refused = group.ask("bob", "POST", f"{base}/{endpoint}", json={name: work.run, **body})
            assert refused.status_code in (400, 403), (base, name, refused.text)
        packed = json.dumps(json.dumps({"run_id": work.run, **body}))
        headers = {"Content-Type": "application/json"}
        refused = group.ask("bob", "POST", f"{base}/{endpoint}", data=packed, headers=headers)
        assert refused.status_code in (400, 403)
    assert state(group, work) == before


def test_a_refusal_is_a_sentence(group: Group, work: Work) -> None:
    refused = group.ask("bob", "POST", f"{API}/runs/log-metric", json={"run_id": work.run, **one(LAST, 1.0)})
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    said = f"run {work.run} has finished; only ann and administrators can change it"
    assert refused.json()["message"] == said


FILES = ["predictions/test.parquet", "definition.json", "provenance.json", "new.bin", "analysis", "predictions/new/x"]


@pytest.mark.parametrize("file", FILES)
def test_an_artifact_of_a_finished_run_stays_as_it_is(group: Group, work: Work, file: str) -> None:
    before = state(group, work)
    path = f"{work.experiment}/{work.run}/artifacts/{file}"
    for spelled in (path, path.replace("/", "%2F"), path.replace("artifacts", "%61rtifacts"), f"/{path}", f"./{path}"):
        for base in (ARTIFACTS, ARTIFACTS.replace("/api/", "/ajax-api/")):
            assert _put(group, "bob", f"{base}/{spelled}") >= 400, spelled
    for run in (work.run, work.run.upper()):
        query = {"run_uuid": run, "path": file}
        assert group.ask("bob", "POST", f"{AJAX}/upload-artifact", params=query, data=FORGED).status_code >= 400
    for step in ("create", "complete", "abort"):
        address = f"{ARTIFACTS.removesuffix('/artifacts')}/mpu/{step}/{work.experiment}"
        body = {"path": f"{work.run}/artifacts/{file}", "num_parts": 1}
        assert group.ask("bob", "POST", address, json=body).status_code == 403
    assert state(group, work) == before


def test_a_model_of_a_finished_run_stays_as_it_is(group: Group, work: Work) -> None:
    """`overthink run` has stored one. It holds code, which runs where somebody serves it."""
    (model,) = models(group, work)
    model_id, folder = model["info"]["model_id"], group.stack.folder / "artifacts" / work.experiment / "models"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert folder / model_id / "artifacts" / "model_code.py" in before
    path = f"{work.experiment}/models/{model_id}/artifacts/model_code.py"
    for spelled in (path, path.replace("/", "%2F"), path.replace("m-", "%6d-"), f"./{path}"):
        assert _put(group, "bob", f"{ARTIFACTS}/{spelled}") == 403, spelled
    assert group.ask("bob", "DELETE", f"{ARTIFACTS}/{path}").status_code == 403
    one_model = f"{API}/logged-models/{model_id}"
    for method, address, body in (
        ("DELETE", one_model, {}),
        ("PATCH", one_model, {"model_id": model_id, "status": "LOGGED_MODEL_UPLOAD_FAILED"}),
        ("PATCH", f"{one_model}/tags", {"tags": [{"key": "mine", "value": "bob's"}]}),
        ("POST", f"{one_model}/params", {"params": [{"key": "mine", "value": "bob's"}]}),
    ):
        refused = group.ask("bob", method, address, json=body)
        assert refused.status_code == 403, (method, address, refused.text)
    assert refused.json()["message"] == f"model {model_id} is ready; only ann and administrators can change it"
    assert models(group, work) == [model]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    tagged = group.ask("ann", "PATCH", f"{one_model}/tags", json={"tags": [{"key": "mine", "value": "ann's"}]})
    assert tagged.status_code == 200, tagged.text


def models(group: Group, work: Work) -> list[Any]:
    body = {"experiment_ids": [work.experiment]}
    found = group.ask("bob", "POST", f"{API}/logged-models/search", json=body).json().get("models", [])
    return [one for one in found if one["info"]["source_run_id"] == work.run]


def _put(group: Group, name: str, path: str) -> int:
    """Send a path as it is: requests would tidy it."""
    context = ssl.create_default_context(cafile=group.stack.certificate)
    connection = http.client.HTTPSConnection("localhost", group.stack.ports["proxy"], context=context, timeout=60)
    headers = {"Authorization": requests.auth._basic_auth_str(name, PASSWORDS[name])}
    connection.request("PUT", path, body=FORGED, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_everybody_adds_to_a_finished_run(group: Group, work: Work) -> None:
    """Analyses, links to policy networks and descriptions come later, and from colleagues."""
    page = f"{ARTIFACTS}/{work.experiment}/{work.run}/artifacts/analysis/figures.html"
    for content in (b"<p>one", b"<p>two"):
        assert group.ask("bob", "PUT", page, data=content).status_code == 200
        assert group.ask("ann", "GET", page).content == content
    added: list[dict[str, Any]] = [
        {"metrics": [one("test/bobs-metric", 0.5)], "tags": [{"key": tags.ANALYSIS, "value": "4"}]},
        {"tags": [{"key": tags.POLICY_RUNS, "value": "a"}, {"key": tags.MLFLOW_NOTE, "value": "seen"}]},
        {"tags": [{"key": tags.POLICY_RUNS, "value": "a b"}, {"key": "reviewed", "value": "yes"}]},
    ]
    for body in added:
        answer = group.ask("bob", "POST", f"{API}/runs/log-batch", json={"run_id": work.run, **body})
        assert answer.status_code == 200, answer.text
    for key, value in ((tags.POLICY_RUNS, "b"), ("reviewed", "no")):
        body = {"run_id": work.run, "key": key, "value": value}
        assert group.ask("bob", "POST", f"{API}/runs/set-tag", json=body).status_code == 403


def test_an_end_that_is_sent_again_is_accepted(group: Group, work: Work) -> None:
    """The reply to the end of a run may be lost: whoever trained it sends it again, also for a colleague."""
    run, _ = state(group, work)
    outcome = {"run_id": work.run, "tags": [tag for tag in run["data"]["tags"] if tag["key"] == tags.OUTCOME]}
    assert group.ask("bob", "POST", f"{API}/runs/log-batch", json=outcome).status_code == 200
    end = {"run_id": work.run, "status": "FINISHED", "end_time": run["info"]["end_time"]}
    assert group.ask("bob", "POST", f"{API}/runs/update", json=end).status_code == 200


@pytest.mark.parametrize("who", ["ann", "admin"])
def test_who_made_a_finished_run_and_administrators_change_it(group: Group, work: Work, who: str) -> None:
    before = value_of(group, work, LAST)
    for number, value in enumerate((before / 2 + 0.1, before)):
        body = {"run_id": work.run, **one(LAST, value), "timestamp": time.time_ns() // 10**6 + number}
        assert group.ask(who, "POST", f"{API}/runs/log-metric", json=body).status_code == 200
        assert value_of(group, work, LAST) == value


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_the_server_says_who_made_a_run(group: Group, running: Callable[..., str], who: str) -> None:
    """Whoever it is said to be, when it is made or later."""
    owner = {"key": "account", "value": "bob"}
    run = running(account="bob")
    for endpoint, change in (("set-tag", owner), ("delete-tag", owner), ("log-batch", {"tags": [owner]})):
        refused = group.ask(who, "POST", f"{API}/runs/{endpoint}", json={"run_id": run, **change})
        assert refused.status_code == 403
    found = group.ask("bob", "GET", f"{API}/runs/get", params={"run_id": run}).json()["run"]["data"]["tags"]
    assert {"key": "account", "value": "ann"} in found


def test_a_run_that_somebody_else_ends_is_still_its_owner_s(group: Group, running: Callable[..., str]) -> None:
    """Else bob could keep ann's results out by ending what she trains."""
    run = running(**{tags.KIND: tags.KIND_RUN})
    end = {"run_id": run, "status": "FINISHED", "end_time": 7}
    assert group.ask("bob", "POST", f"{API}/runs/update", json=end).status_code == 200
    assert group.ask("bob", "POST", f"{API}/runs/update", json={**end, "end_time": 8}).status_code == 403
    assert group.ask("ann", "POST", f"{API}/runs/log-metric", json={"run_id": run, **one(LAST, 0.5)}).status_code == 200
    assert group.ask("ann", "POST", f"{API}/runs/update", json={**end, "end_time": 9}).status_code == 200


def test_analyse_by_a_colleague(group: Group, work: Work, tmp_path: Path) -> None:
    done = group.overthink("bob", tmp_path, "analyse", "small")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_duplicate_in_a_colleague_s_experiment_keeps_nobody_waiting(group: Group, work: Work, tmp_path: Path) -> None:
    """Bob may not delete runs of ann's experiment, not even his own."""
    code = f"""
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.writer import Writer
store = Store()
writer = Writer(store)
run_id = writer.create("{work.experiment}", "twice", {{"overthink.kind": "run", "overthink.run_key": "twice"}}, {{}})
writer.delete(run_id)
print(len(find_runs(store, run_key="twice")), store.client.get_run(run_id).info.status)
"""
    found = group.python("bob", tmp_path, code)
    assert found.stdout == "0 KILLED\n", found.stderr
    assert group.overthink("bob", tmp_path, "compare").returncode == 0


def test_a_run_that_has_not_finished_is_open_and_cannot_be_kept_so(group: Group, running: Callable[..., str]) -> None:
    """As docs/server.md says: a colleague resumes it. But nobody makes it a group's, which never closes."""
    run = running(**{tags.KIND: tags.KIND_RUN})
    assert group.ask("bob", "POST", f"{API}/runs/log-metric", json={"run_id": run, **one(LAST, 0.5)}).status_code == 200
    kinds = {"key": tags.KIND, "value": tags.KIND_GROUP}, {"key": tags.SWEEP, "value": "x"}
    for tag in kinds:
        assert group.ask("bob", "POST", f"{API}/runs/set-tag", json={"run_id": run, **tag}).status_code == 403
        body = {"run_id": run, "tags": [tag]}
        assert group.ask("bob", "POST", f"{API}/runs/log-batch", json=body).status_code == 403
    gone = {"run_id": run, "key": tags.KIND}
    assert group.ask("bob", "POST", f"{API}/runs/delete-tag", json=gone).status_code == 403
    end = {"run_id": run, "status": "FINISHED", "end_time": 7}
    assert group.ask("ann", "POST", f"{API}/runs/update", json=end).status_code == 200
    assert group.ask("bob", "POST", f"{API}/runs/log-metric", json={"run_id": run, **one(LAST, 1)}).status_code == 403


def test_a_run_that_diverged_is_a_result_too(group: Group, running: Callable[..., str]) -> None:
    run = running(**{tags.KIND: tags.KIND_RUN, tags.OUTCOME: tags.DIVERGED})
    assert group.ask("ann", "POST", f"{API}/runs/update", json={"run_id": run, "status": "FAILED"}).status_code == 200
    again = group.ask("bob", "POST", f"{API}/runs/update", json={"run_id": run, "status": "RUNNING"})
    assert again.status_code == 403


def test_groups_and_sweeps_go_on(group: Group, running: Callable[..., str]) -> None:
    for marks in ({tags.KIND: tags.KIND_GROUP}, {tags.SWEEP: "study"}):
        run = running(**marks)
        end = {"run_id": run, "status": "FINISHED"}
        assert group.ask("ann", "POST", f"{API}/runs/update", json=end).status_code == 200
        resumed = {"run_id": run, "status": "RUNNING"}
        assert group.ask("bob", "POST", f"{API}/runs/update", json=resumed).status_code == 200


def test_an_experiment_keeps_its_name(group: Group, work: Work) -> None:
    body = {"experiment_id": work.experiment, "new_name": "bob's"}
    for base in (API, AJAX):
        assert group.ask("bob", "POST", f"{base}/experiments/update", json=body).status_code == 403
    for name in ("renamed", "small"):
        body = {"experiment_id": work.experiment, "new_name": name}
        assert group.ask("ann", "POST", f"{API}/experiments/update", json=body).status_code == 200


@pytest.mark.parametrize("key", ["artifact_location", "artifactLocation"])
@pytest.mark.parametrize("place", ["file:///tmp/bob", "mlflow-artifacts:/1", "s3://elsewhere/x"])
def test_nobody_decides_where_artifacts_are(group: Group, key: str, place: str) -> None:
    body = {"name": f"{key} {place}", key: place}
    assert group.ask("bob", "POST", f"{API}/experiments/create", json=body).status_code == 403
