"""`make secrets`: a file of one's own, with fresh passwords, never overwritten."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.server_stack import checkout, make

NAMES = {"postgres", "mlflow-database", "optuna-database", "mlflow-admin", "mlflow-session", "mlflow-encryption"}


def passwords(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in (folder / "server" / "passwords").iterdir()}


def test_every_server_has_its_own_passwords(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        assert make(checkout(folder), "secrets").returncode == 0
        assert (folder / ".env").stat().st_mode & 0o777 == 0o600
        assert (folder / "server" / "tls" / "server.key").stat().st_mode & 0o777 == 0o600
        assert sorted(path.name for path in folder.glob(".env*")) == [".env"]
        assert {path.name for path in (folder / "server").glob("passwords*")} == {"passwords"}
    every = [*passwords(folders[0]).values(), *passwords(folders[1]).values()]
    assert len(set(every)) == 12
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in every)


def test_passwords_are_their_owner_s_and_the_containers_alone(tmp_path: Path) -> None:
    """Containers read the mounted files as other users; on the machine, the folder keeps everybody else out."""
    make(checkout(tmp_path), "secrets")
    folder = tmp_path / "server" / "passwords"
    assert {path.name for path in folder.iterdir()} == NAMES
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert not [word for word in passwords(tmp_path).values() if word in (tmp_path / ".env").read_text()]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    checkout(tmp_path)
    tls = tmp_path / "server" / "tls"
    tls.mkdir()
    (tls / "server.key").write_text("the group's own key")
    assert make(tmp_path, "secrets").returncode == 0
    before = (tmp_path / ".env").read_text(), passwords(tmp_path)
    again = make(tmp_path, "secrets", "SERVER_NAME=other.example")
    assert again.returncode != 0
    assert "server/passwords exists and was not changed" in again.stderr
    assert ((tmp_path / ".env").read_text(), passwords(tmp_path)) == before
    assert [path.name for path in tls.iterdir()] == ["server.key"]
    assert (tls / "server.key").read_text() == "the group's own key"


OLD = """# Made by make secrets. Keep it: the databases were created with these passwords.
SERVER_NAME=mlflow.example.org
HTTPS_PORT=8443
PROXY_USER=1000:1000
POSTGRES_PASSWORD=p
MLFLOW_DB_PASSWORD=m
OPTUNA_DB_PASSWORD=o
MLFLOW_ADMIN_PASSWORD=a
MLFLOW_SECRET_KEY=s
TLS_FOLDER=/etc/tls
"""


def test_passwords_of_an_earlier_version_are_moved(tmp_path: Path) -> None:
    checkout(tmp_path)
    (tmp_path / ".env").write_text(OLD)
    assert make(tmp_path, "secrets").returncode == 0
    found = passwords(tmp_path)
    assert re.fullmatch("[0-9a-f]{48}", found.pop("mlflow-encryption"))
    old = {"postgres": "p", "mlflow-database": "m", "optuna-database": "o", "mlflow-admin": "a", "mlflow-session": "s"}
    assert found == old
    settings = (tmp_path / ".env").read_text()
    kept = "SERVER_NAME=mlflow.example.org\nHTTPS_PORT=8443\nPROXY_USER=1000:1000\nTLS_FOLDER=/etc/tls\nSERVICE_CPUS="
    assert settings.startswith(kept)


def test_passwords_that_are_lost_are_not_made_anew(tmp_path: Path) -> None:
    checkout(tmp_path)
    (tmp_path / ".env").write_text(OLD.replace("MLFLOW_DB_PASSWORD=m\n", ""))
    refused = make(tmp_path, "secrets")
    assert refused.returncode != 0
    assert ".env exists and has no MLFLOW_DB_PASSWORD" in refused.stderr
    assert not list((tmp_path / "server").glob("passwords*"))
    assert [path.name for path in tmp_path.glob(".env*")] == [".env"]


def test_the_machine_s_size_is_in_the_settings(tmp_path: Path) -> None:
    make(checkout(tmp_path), "secrets")
    settings = (tmp_path / ".env").read_text()
    services, runs = re.findall(r"^(?:SERVICE|RUNNER)_CPUS=(\d+)$", settings, re.MULTILINE)
    assert 1 <= int(services) <= 2
    assert int(services) <= int(runs) == os.cpu_count()
    assert re.search(r"^RUNNER_MEMORY=\d+m$", settings, re.MULTILINE)


@pytest.mark.parametrize("name, kind", [("mlflow.example.org", "DNS"), ("192.168.7.5", "IP Address")])
def test_the_certificate_bears_the_name(tmp_path: Path, name: str, kind: str) -> None:
    assert make(checkout(tmp_path), "secrets", f"SERVER_NAME={name}", "HTTPS_PORT=8443").returncode == 0
    assert f"SERVER_NAME={name}\nHTTPS_PORT=8443\n" in (tmp_path / ".env").read_text()
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", tmp_path / "server" / "tls" / "server.crt"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{kind}:{name}" in shown.stdout


@pytest.mark.parametrize("name", ["", "a b", "x;y", "-x", "$(id)", "https://here"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    refused = make(checkout(tmp_path), "secrets", SERVER_NAME=name)
    if name:
        assert f"error: SERVER_NAME={name}: a host name or an IPv4 address is needed" in refused.stderr
    assert (tmp_path / ".env").exists() == (name == "")


def test_the_proxy_is_not_root(tmp_path: Path) -> None:
    make(checkout(tmp_path), "secrets")
    (user,) = re.findall(r"^PROXY_USER=(\d+):\d+$", (tmp_path / ".env").read_text(), re.MULTILINE)
    assert int(user) == (os.getuid() or 101)
    assert (tmp_path / "server" / "tls" / "server.key").stat().st_uid == int(user)


def test_git_never_sees_them(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    make(checkout(tmp_path), "secrets")
    (tmp_path / "backups" / "one").mkdir(parents=True)
    (tmp_path / "backups" / "one" / "mlflow.dump").touch()
    seen = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not re.search(r"\.env|tls|passwords|backups", seen.stdout)
    assert "docker-compose.yml" in seen.stdout
