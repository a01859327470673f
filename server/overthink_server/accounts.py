"""The accounts of a group's server: the function that MLflow calls with each request (`authorization_function`).

MLflow's own check of passwords, and besides: a limit on wrong ones, equal times for known and unknown names, refusals.
"""

import json
import os
import secrets
from pathlib import Path

from flask import Response, g, request
from mlflow.server import auth
from overthink_server.log_ins import SECONDS, LogIns
from overthink_server.refusals import note_owner, refusal
from werkzeug.datastructures import Authorization
from werkzeug.security import check_password_hash, generate_password_hash

_DUMMY_HASH = generate_password_hash(secrets.token_hex())
log_ins = LogIns(Path(os.environ["OVERTHINK_LOG_INS"]), os.environ["MLFLOW_FLASK_SERVER_SECRET_KEY"].encode())


def authenticate() -> Authorization | Response:
    """Return the account of a request, or the answer that refuses it."""
    if "answer" not in g:  # MLflow asks several times during a request
        g.answer = _account()
        if isinstance(g.answer, Authorization):
            name = g.answer.username or ""
            note_owner(name)
            if reason := refusal(name):
                g.answer = _answer(403, "PERMISSION_DENIED", reason)
    found: Authorization | Response = g.answer
    return found


def _account() -> Authorization | Response:
    """Check the password; for a name without an account it takes as long."""
    given = request.authorization
    if given is None or given.type != "basic" or not given.username or not given.password:
        return _answer(401, "UNAUTHENTICATED", "an account's name and password are needed")
    address = request.headers.get("X-Forwarded-For") or request.remote_addr or ""
    if not log_ins.admits(address, given.username, given.password):
        return _answer(429, "REQUEST_LIMIT_EXCEEDED", "too many wrong passwords from this address; wait a minute")
    answer: Authorization | Response = auth.authenticate_request_basic_auth()
    if isinstance(answer, Authorization):
        log_ins.was_right(given.username, given.password)
        return answer
    if not auth.store.has_user(given.username):
        check_password_hash(_DUMMY_HASH, given.password)
    log_ins.was_wrong(given.username, given.password)
    return answer


def _answer(status: int, code: str, message: str) -> Response:
    headers = {401: {"WWW-Authenticate": 'Basic realm="mlflow"'}, 429: {"Retry-After": f"{SECONDS:.0f}"}}
    content = json.dumps({"error_code": code, "message": message})
    return Response(content, status, headers.get(status, {}), "application/json")
