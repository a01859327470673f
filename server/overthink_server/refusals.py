"""What a group's server refuses although MLflow would do it: whatever changes the results of a run that has finished.

MLflow lets every account that can add runs to an experiment overwrite all of its runs. Here everybody can add to a
finished run in part (an analysis, a new metric), and only the account that made it and administrators can change or
remove what it has. Until a run has finished, everybody can write into it: so a colleague can resume it.
"""

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from flask import Response, after_this_request, request
from mlflow.entities import LoggedModelStatus, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.service_pb2 import LogBatch, LogMetric, RunStatus, SetTag, UpdateRun
from mlflow.server import auth
from mlflow.server.handlers import _get_request_message, _get_tracking_store
from werkzeug.exceptions import BadRequest

ANALYSIS = "artifacts/analysis/"
"""Where finished runs get artifacts: pages that anybody can make again from the run's predictions."""
FREE_TAGS = ("overthink.analysis", "mlflow.note.content")
GROWING_TAGS = ("overthink.policy_runs",)
"""Tags of finished runs that can be changed; of the growing ones, no word can be removed."""
RESERVED_TAGS = ("overthink.", "mlflow.")
OWNER = "account"
"""Tag of each run: whose it is. The server itself sets it; `mlflow.user` is whatever a client says."""
MARKS = ("overthink.kind", "overthink.sweep", "overthink.trial")
"""Tags that tell a run from a group's or sweep's, which goes on; of a run, only its own account sets them later."""
NOT_ABOUT_CONTENT = ("runs/delete", "runs/restore", "model-versions/create")
"""Requests that name a run and leave what it holds as it is; MLflow checks whether an account may send them."""


def note_owner(username: str) -> None:
    """Have the run that a request makes bear the name of its account."""

    @after_this_request
    def note(response: Response) -> Response:
        if _endpoint() == "runs/create" and response.status_code == HTTPStatus.OK:
            made = response.get_json()["run"]["info"]["run_id"]
            _get_tracking_store().set_tag(made, RunTag(OWNER, username))
        return response


def refusal(username: str) -> str | None:
    """Return why an account may not do what a request asks for; None where MLflow decides."""
    if request.method in ("GET", "HEAD", "OPTIONS") or auth.store.get_user(username).is_admin:
        return None
    path, endpoint = _artifact_path(), _endpoint()
    return (
        _refused_place(path, endpoint)
        or _refused_model(username, path, endpoint)
        or (None if endpoint in NOT_ABOUT_CONTENT else _refused_change(username, path, endpoint))
    )


def _refused_place(path: str, endpoint: str) -> str | None:
    """Return why an account may not do this to an experiment, or send an artifact in this way."""
    if endpoint == "experiments/update" and not auth.validate_can_manage_experiment():
        return "only the account that made an experiment, or an administrator, can rename it"
    if endpoint == "experiments/create" and _body().keys() & {"artifact_location", "artifactLocation"}:
        return "the server decides where artifacts are; leave artifact_location out"
    if path.startswith("mpu/"):
        return "artifacts are uploaded in one part; leave MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD out"
    return None


def _refused_model(username: str, path: str, endpoint: str) -> str | None:
    """Return why an account may not change an MLflow model: it holds code, and is as finished as its run."""
    if not (path or endpoint.startswith("logged-models/")):
        return None
    for model_id in set(re.findall(r"m-[0-9a-f]{32}", f"{path} {unquote(endpoint)} {_body() if not path else ''}")):
        with suppress(MlflowException):
            model = _get_tracking_store().get_logged_model(model_id)
            run = _run(model.source_run_id) if model.source_run_id else None
            owner = run.data.tags.get(OWNER) if run is not None else None
            if model.status == LoggedModelStatus.READY and owner != username:
                who = f"{owner} and administrators" if owner else "administrators"
                return f"model {model_id} is ready; only {who} can change it"
    return None


def _refused_change(username: str, path: str, endpoint: str) -> str | None:
    """Return why an account may not change the runs that a request names."""
    for run in filter(None, map(_run, _run_ids(path))):
        owner = run.data.tags.get(OWNER)
        fixed = (OWNER,) if goes_on(run) or owner == username else (OWNER, *MARKS)
        if _sets_one_of(fixed, run, endpoint):
            return f"{', '.join(fixed)} of a run stay as they are"
        if is_closed(run) and owner != username and not _is_kept(run, path, endpoint):
            who = f"{owner} and administrators" if owner else "administrators"
            return f"run {run.info.run_id} has finished; only {who} can change it"
    return None


def _endpoint() -> str:
    """Return the name of one of MLflow's endpoints, `runs/update`; nothing for artifacts and pages."""
    found = re.fullmatch(r"/(?:ajax-)?api/\d+\.\d+/mlflow/(.+)", request.path)
    return found[1] if found else ""


def _artifact_path() -> str:
    """Return what an artifact's request writes, `artifacts/1/<run>/artifacts/...`, as plain as MLflow makes it."""
    path = request.path.partition("/mlflow-artifacts/")[2]
    while path != unquote(path):
        path = unquote(path)
    return posixpath.normpath(path) if path else ""


def _body() -> Mapping[str, Any]:
    """Return the request's JSON as MLflow's handlers read it: whatever its type is said to be, or packed twice."""
    found = None
    with suppress(BadRequest, ValueError):  # a body that MLflow keeps from this function, or no JSON
        found = request.get_json(force=True, silent=True)
        found = json.loads(found) if isinstance(found, str) else found
    return found if isinstance(found, dict) else {}


def _run_ids(path: str) -> set[str]:
    """Return the runs that a request names: in its query, and in the path of an artifact or else its body."""
    places = [request.args, {} if path else _body()]
    named = [place.get(key) for place in places for key in ("run_id", "runId", "run_uuid", "runUuid")]
    return {*(one for one in named if isinstance(one, str)), *re.findall(r"[0-9a-f]{32}", path)}


def _run(run_id: str) -> Run | None:
    try:
        return _get_tracking_store().get_run(run_id)
    except MlflowException:
        return None


def goes_on(run: Run) -> bool:
    """Tell whether a run is a group's or a sweep's, which later runs and trials are added to."""
    tags = run.data.tags
    return tags.get("overthink.kind") == "group" or ("overthink.sweep" in tags and "overthink.trial" not in tags)


def is_closed(run: Run) -> bool:
    """Tell whether a run is a result: it has finished or diverged, and does not go on."""
    diverged = run.info.status == "FAILED" and run.data.tags.get("overthink.outcome") == "diverged"
    return not goes_on(run) and (run.info.status == "FINISHED" or diverged)


def _sets_one_of(fixed: Sequence[str], run: Run, endpoint: str) -> bool:
    """Tell whether a request changes one of some tags."""
    if endpoint == "runs/delete-tag":
        return _body().get("key") in fixed
    return any(tag.key in fixed and tag.value != run.data.tags.get(tag.key) for tag in _tags(endpoint))


def _is_kept(run: Run, path: str, endpoint: str) -> bool:
    """Tell whether a request leaves what a run has as it is; so does one that is sent again."""
    if path:
        return path.partition(f"/{run.info.run_id}/")[2].startswith(ANALYSIS)
    if endpoint == "runs/log-parameter":
        return True  # MLflow itself refuses another value
    if endpoint == "runs/update":
        return _is_as_it_is(run, _get_request_message(UpdateRun()))
    if endpoint not in ("runs/log-batch", "runs/log-metric", "runs/set-tag"):
        return False
    return run.data.metrics.keys().isdisjoint(_metrics(endpoint)) and all(
        _may_be_set(run, tag.key, tag.value) for tag in _tags(endpoint)
    )


def _metrics(endpoint: str) -> list[str]:
    if endpoint == "runs/log-batch":
        return [metric.key for metric in _get_request_message(LogBatch()).metrics]
    return [_get_request_message(LogMetric()).key] if endpoint == "runs/log-metric" else []


def _tags(endpoint: str) -> Sequence[Any]:
    if endpoint == "runs/log-batch":
        return list(_get_request_message(LogBatch()).tags)
    return [_get_request_message(SetTag())] if endpoint == "runs/set-tag" else []


def _may_be_set(run: Run, key: str, value: str) -> bool:
    known = run.data.tags.get(key)
    if key in GROWING_TAGS:
        return set((known or "").split()) <= set(value.split())
    return key in FREE_TAGS or known == value or (known is None and not key.startswith(RESERVED_TAGS))


def _is_as_it_is(run: Run, update: Any) -> bool:
    info = run.info
    return (
        (not update.HasField("status") or RunStatus.Name(update.status) == info.status)
        and (not update.HasField("end_time") or update.end_time == info.end_time)
        and (not update.HasField("run_name") or update.run_name == info.run_name)
    )
