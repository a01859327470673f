"""`make secrets`: a file of one's own, with fresh passwords, never overwritten."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.server_stack import checkout, make


def passwords(folder: Path) -> list[str]:
    found = re.findall(r"^\w*(?:PASSWORD|KEY)=(.*)$", (folder / ".env").read_text(), re.MULTILINE)
    assert len(found) == 5
    return found


def test_every_server_has_its_own_passwords(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        assert make(checkout(folder), "secrets").returncode == 0
        assert (folder / ".env").stat().st_mode & 0o777 == 0o600
        assert (folder / "server" / "tls" / "server.key").stat().st_mode & 0o777 == 0o600
        assert not (folder / ".env.new").exists()
    every = [*passwords(folders[0]), *passwords(folders[1])]
    assert len(set(every)) == 10
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in every)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    checkout(tmp_path)
    tls = tmp_path / "server" / "tls"
    tls.mkdir()
    (tls / "server.key").write_text("the group's own key")
    assert make(tmp_path, "secrets").returncode == 0
    before = (tmp_path / ".env").read_text()
    again = make(tmp_path, "secrets", "SERVER_NAME=other.example")
    assert again.returncode != 0
    assert ".env exists and was not changed" in again.stderr
    assert (tmp_path / ".env").read_text() == before
    assert [path.name for path in tls.iterdir()] == ["server.key"]
    assert (tls / "server.key").read_text() == "the group's own key"


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
    assert not re.search(r"\.env|tls|backups", seen.stdout)
    assert "docker-compose.yml" in seen.stdout
