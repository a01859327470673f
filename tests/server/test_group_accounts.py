"""Log-ins at a group's server: what is no password, how often one may be guessed, and what an answer's time tells."""

import socket
import ssl
import time
from collections import Counter
from statistics import median

import pytest

from support.server_group import API, Group
from support.server_stack import Stack

SEARCH = f"{API}/experiments/search?max_results=1"
HSTS = "Strict-Transport-Security"


@pytest.mark.parametrize("path", [SEARCH, "/", "/signup", "/api/studies", "/v1/traces", "/gateway/x"])
@pytest.mark.parametrize(
    "given", ["x", "Basic", "Basic !!!", "Basic YWRtaW4=", "Bearer a.b.c", 'Digest username="admin"', "Basic  "]
)
def test_what_is_no_password_is_refused_as_none(group: Group, path: str, given: str) -> None:
    refused = group.ask(None, "GET", path, source="127.0.2.1", headers={"Authorization": given})
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="mlflow"'
    assert HSTS in refused.headers


@pytest.mark.parametrize("path", [SEARCH, "/api/studies"])
@pytest.mark.parametrize("name", [None, "ann", "eve"])
def test_a_refused_browser_is_told_to_stay_with_tls(group: Group, path: str, name: str | None) -> None:
    auth = name and (name, "a wrong password")
    refused = group.ask(None, "GET", path, source="127.0.2.2", auth=auth)
    assert refused.status_code == 401
    assert refused.headers[HSTS] == "max-age=31536000"


@pytest.mark.parametrize("path", [SEARCH, "/api/studies"])
def test_passwords_cannot_be_guessed_one_after_another(group: Group, path: str) -> None:
    source = f"127.0.3.{1 + len(path)}"
    forged = ({"X-Forwarded-For": f"10.0.0.{number}"} for number in range(51))
    answers = Counter(
        group.ask(None, "GET", path, source=source, auth=("admin", f"guess {number}"), headers=headers).status_code
        for number, headers in enumerate(forged)
    )
    assert set(answers) == {401, 429}
    assert answers[401] <= 10
    # The right one is not let in either while guesses are refused, from there; from elsewhere it is.
    assert group.ask("bob", "GET", path, source=source).status_code == 200
    assert group.ask("admin", "GET", path, source="127.0.4.1").status_code == 200


@pytest.mark.parametrize("path", [SEARCH, "/api/studies"])
def test_guesses_keep_out_nobody_at_another_address(group: Group, path: str) -> None:
    """The dashboard asks MLflow about each password: on behalf of whoever sent it, not of the proxy."""
    for number in range(20):
        group.ask(None, "GET", path, source=f"127.0.7.{1 + len(path)}", auth=("admin", f"guess {number}"))
    refused = group.ask(None, "GET", path, source=f"127.0.8.{1 + len(path)}", auth=("admin", "a wrong password"))
    assert refused.status_code == 401


def test_many_names_from_one_address_are_limited_too(group: Group) -> None:
    answers = Counter(
        group.ask(None, "GET", SEARCH, source="127.0.5.1", auth=(f"name {number}", "guess")).status_code
        for number in range(80)
    )
    assert answers[401] <= 60
    assert answers[429] >= 20


def test_who_has_logged_in_is_not_kept_out_by_others_guesses(group: Group) -> None:
    """Behind one address many people work: ann's running training goes on while somebody guesses her password."""
    assert group.ask("ann", "GET", SEARCH, source="127.0.6.1").status_code == 200  # to one of the two processes
    guesses = [group.ask(None, "GET", SEARCH, source="127.0.6.1", auth=("ann", "guess")).status_code for _ in range(15)]
    assert guesses[-1] == 429
    assert {group.ask("ann", "GET", SEARCH, source="127.0.6.1").status_code for _ in range(12)} == {200}


def test_a_known_name_takes_as_long_as_an_unknown_one(group: Group) -> None:
    seconds: dict[str, list[float]] = {"ann": [], "nobody": []}
    for number in range(30):
        for name, taken in seconds.items():
            started = time.perf_counter()
            source = f"127.0.{10 + number}.{1 + len(name)}"
            refused = group.ask(None, "GET", SEARCH, source=source, auth=(name, "a wrong password"))
            taken.append(time.perf_counter() - started)
            assert refused.status_code == 401
    known, unknown = median(seconds["ann"]), median(seconds["nobody"])
    assert 0.75 < known / unknown < 1.33, (known, unknown)


def test_people_change_their_own_password_as_the_guide_says(group: Group) -> None:
    old, new = "a password of eve's", "another one of eve's"
    made = group.ask("admin", "POST", f"{API}/users/create", json={"username": "eve", "password": old})
    assert made.status_code == 200, made.text
    own = {"username": "eve", "password": new, "current_password": old}
    changed = group.ask(None, "PATCH", f"{API}/users/update-password", auth=("eve", old), json=own)
    assert changed.status_code == 200, changed.text
    assert group.ask(None, "GET", SEARCH, auth=("eve", new)).status_code == 200
    body = {"username": "eve", "password": "bob knows it now"}
    assert group.ask("bob", "PATCH", f"{API}/users/update-password", json=body).status_code == 403


def handshake(stack: Stack, version: ssl.TLSVersion, ciphers: str) -> str | None:
    context = ssl.create_default_context(cafile=stack.certificate)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", stack.ports["proxy"])) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                found = secure.cipher()
                return found[0] if found else None
        except ssl.SSLError:
            return None


def test_old_ciphers_are_refused(stack: Stack) -> None:
    assert handshake(stack, ssl.TLSVersion.TLSv1_3, "DEFAULT") is not None
    for good in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        assert handshake(stack, ssl.TLSVersion.TLSv1_2, good) == good
    for bad in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES128-SHA"):
        assert handshake(stack, ssl.TLSVersion.TLSv1_2, bad) is None, bad


def test_what_people_store_is_encrypted_with_the_server_s_own_passphrase(group: Group) -> None:
    """MLflow's default passphrase is published: who reads the database, or a backup, would read this."""
    stored = {
        "secret_name": "ann's key",
        "secret_value": {"api_key": "sk-of-ann"},
        "provider": "openai",
    }
    made = group.ask("ann", "POST", "/api/3.0/mlflow/gateway/secrets/create", json=stored)
    assert made.status_code == 200, made.text
    code = """
import os, sys
from mlflow.utils.crypto import KEKManager, _decrypt_secret
import psycopg
with psycopg.connect("dbname=mlflow") as connection:
    columns = "encrypted_value, wrapped_dek, kek_version, secret_id, secret_name"
    row = connection.execute(f"SELECT {columns} FROM secrets").fetchone()
for passphrase in (None, os.environ["MLFLOW_CRYPTO_KEK_PASSPHRASE"]):
    os.environ.pop("MLFLOW_CRYPTO_KEK_PASSPHRASE", None)
    try:
        manager = KEKManager(passphrase=passphrase, kek_version=row[2])
        print(_decrypt_secret(row[0], row[1], manager, row[3], row[4]))
    except Exception as error:
        print(type(error).__name__)
"""
    found = group.stack.call("mlflow", "python", "-W", "ignore", "-c", code, capture_output=True, text=True)
    assert found.stdout.splitlines() == ["MlflowException", "{'api_key': 'sk-of-ann'}"]
