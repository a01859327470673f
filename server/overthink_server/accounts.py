"""The accounts of a group's server: the function that MLflow calls with each request (`authorization_function`).

MLflow's own check of passwords, and besides: a limit on wrong ones, equal times for known and unknown names, refusals.
"""

import hmac
import json
import secrets
import threading
import time
from collections import deque
from typing import NamedTuple

from flask import Response, g, request
from mlflow.server import auth
from overthink_server.refusals import note_owner, refusal
from werkzeug.datastructures import Authorization
from werkzeug.security import check_password_hash, generate_password_hash

SECONDS = 60.0
WRONG_FOR_A_NAME, WRONG_FROM_AN_ADDRESS = 5, 30
"""How many wrong passwords one address may send within SECONDS, to each of the server's processes."""

_DUMMY_HASH = generate_password_hash(secrets.token_hex())
_DIGEST_KEY = secrets.token_bytes(32)


class _Wrong(NamedTuple):
    """A wrong password."""

    time: float
    address: str
    name: str


class LogIns:
    """Counts wrong passwords. Whoever sent the right one once, to this process, is not limited."""

    def __init__(self) -> None:
        self._wrong: deque[_Wrong] = deque(maxlen=10_000)
        self._right: set[bytes] = set()
        self._lock = threading.Lock()

    def are_too_many(self, address: str, name: str, password: str) -> bool:
        """Tell whether a password is refused unchecked."""
        with self._lock:
            while self._wrong and self._wrong[0].time < time.monotonic() - SECONDS:
                self._wrong.popleft()
            names = [wrong.name for wrong in self._wrong if wrong.address == address]
            many = len(names) >= WRONG_FROM_AN_ADDRESS or names.count(name) >= WRONG_FOR_A_NAME
            return many and _digest(name, password) not in self._right

    def was(self, right: bool, address: str, name: str, password: str) -> None:
        """Count a password that was checked."""
        with self._lock:
            if right:
                self._right.add(_digest(name, password))
            else:
                self._right.discard(_digest(name, password))
                self._wrong.append(_Wrong(time.monotonic(), address, name))


def _digest(name: str, password: str) -> bytes:
    return hmac.digest(_DIGEST_KEY, f"{name}\0{password}".encode(), "sha256")


log_ins = LogIns()


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
    who = (request.headers.get("X-Forwarded-For") or request.remote_addr or "", given.username, given.password)
    if log_ins.are_too_many(*who):
        return _answer(429, "REQUEST_LIMIT_EXCEEDED", "too many wrong passwords from this address; wait a minute")
    answer: Authorization | Response = auth.authenticate_request_basic_auth()
    right = isinstance(answer, Authorization)
    if not right and not auth.store.has_user(given.username):
        check_password_hash(_DUMMY_HASH, given.password)
    log_ins.was(right, *who)
    return answer


def _answer(status: int, code: str, message: str) -> Response:
    headers = {401: {"WWW-Authenticate": 'Basic realm="mlflow"'}, 429: {"Retry-After": f"{SECONDS:.0f}"}}
    content = json.dumps({"error_code": code, "message": message})
    return Response(content, status, headers.get(status, {}), "application/json")
