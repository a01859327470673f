"""docker-compose.yml and the proxy's configuration, as far as they can be read without an engine."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.server_stack import PATH, ROOT, checkout, compose, make

FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = FILE["services"]
LASTING = ("postgres", "mlflow", "optuna-dashboard", "proxy")
SECRET = "PASSWORD|SECRET|KEY|PASSPHRASE|TOKEN|CREDENTIALS"
OURS = ("overthink-server:", "overthink-runner:")


def needs(program: str) -> None:
    if shutil.which(program, path=PATH) is None:
        pytest.skip(f"no {program} on this machine")


def test_it_follows_the_published_schema(tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    good = subprocess.run([*check, str(ROOT / "docker-compose.yml")], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((ROOT / "docker-compose.yml").read_text().replace("healthcheck:", "healthchek:"))
    assert subprocess.run([*check, str(wrong)], capture_output=True, check=False).returncode == 1


def test_compose_reads_it_and_refuses_to_start_without_secrets(tmp_path: Path) -> None:
    needs("docker-compose")
    checkout(tmp_path)
    refused = compose(tmp_path, "config", "--quiet")
    assert refused.returncode != 0
    assert "is missing" in refused.stderr
    assert "run make secrets" in refused.stderr
    assert make(tmp_path, "secrets").returncode == 0
    read = compose(tmp_path, "--profile", "*", "config", "--quiet")
    assert (read.returncode, read.stderr) == (0, "")
    settings = (tmp_path / ".env").read_text()
    (tmp_path / ".env").write_text(re.sub("PROXY_USER=.*", "PROXY_USER=", settings))
    assert "PROXY_USER is missing" in compose(tmp_path, "config", "--quiet").stderr


def test_no_password_is_in_the_file_or_in_the_environment_of_a_container(tmp_path: Path) -> None:
    """What compose resolves, `docker inspect` shows: there, passwords are paths."""
    needs("docker-compose")
    assert make(checkout(tmp_path), "secrets").returncode == 0
    read = compose(tmp_path, "--profile", "*", "config", "--format", "json")
    for path in (tmp_path / "server" / "passwords").iterdir():
        assert path.read_text().strip() not in read.stdout + (tmp_path / ".env").read_text(), path.name
    for name, service in json.loads(read.stdout)["services"].items():
        secret = {key: value for key, value in service["environment"].items() if re.search(SECRET, key)}
        own = ["MLFLOW_TRACKING_PASSWORD"] if name.startswith("runner") else []  # a person's, of one call
        assert [key for key, value in secret.items() if not str(value).startswith("/run/secrets/")] == own, name


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_the_passwords_that_it_reads(name: str) -> None:
    service = SERVICES[name]
    words = [*service.get("entrypoint", []), *service.get("environment", {}).values()]
    read = {found for word in words for found in re.findall(r"/run/secrets/([\w-]+)", str(word))}
    if name == "postgres":
        script = (ROOT / "server" / "databases.sh").read_text()
        assert '"/run/secrets/$name-database"' in script
        read |= {"mlflow-database", "optuna-database"}
    assert set(service.get("secrets", [])) == read
    assert read <= set(FILE["secrets"])


def entries() -> list[tuple[str, str]]:
    """Return each service that is started with passwords, with each of its passwords."""
    with_words = [name for name, service in SERVICES.items() if "--" in service.get("entrypoint", [])]
    return [(name, secret) for name in with_words for secret in SERVICES[name]["secrets"]]


@pytest.mark.parametrize("content", [None, ""])
@pytest.mark.parametrize("name, secret", entries())
def test_nothing_starts_without_one_of_its_passwords(
    tmp_path: Path, name: str, secret: str, content: str | None
) -> None:
    for other in SERVICES[name]["secrets"]:
        (tmp_path / other).write_text("a password")
    (tmp_path / secret).unlink()
    if content is not None:
        (tmp_path / secret).write_text(content)
    _, *words = SERVICES[name]["entrypoint"]
    words = [word.replace("/run/secrets", str(tmp_path)) for word in words[: words.index("--")]]
    program = [str(ROOT / "server" / "with-secrets"), *words, "--", "touch", str(tmp_path / "started")]
    refused = subprocess.run(program, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert f"error: no password in {tmp_path}/{secret}, run make secrets" in refused.stderr
    assert not (tmp_path / "started").exists()


def test_a_program_gets_its_passwords_and_its_words(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("of one $(id) 'x'\n")
    (tmp_path / "two").write_text("of two=2\n")
    code = "import os, sys; print(os.environ['ONE'], os.environ['TWO'], sys.argv[1:])"
    words = [f"ONE={tmp_path}/one", f"TWO={tmp_path}/two", "--", sys.executable, "-c", code, "a b", "--", "C=d"]
    found = subprocess.run([str(ROOT / "server" / "with-secrets"), *words], capture_output=True, text=True, check=True)
    assert found.stdout == "of one $(id) 'x' of two=2 ['a b', '--', 'C=d']\n"


def test_mlflow_encrypts_with_a_passphrase_of_its_own() -> None:
    entry = SERVICES["mlflow"]["entrypoint"]
    assert "MLFLOW_CRYPTO_KEK_PASSPHRASE=/run/secrets/mlflow-encryption" in entry


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_takes_the_whole_machine(name: str) -> None:
    service = SERVICES[name]
    for limit in ("mem_limit", "cpus", "pids_limit"):
        assert re.fullmatch(r"(\$\{\w+:-)?\d+[mg]?\}?", str(service[limit])), limit
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert service["read_only"] is True
    assert "/tmp:mode=1777" in service["tmpfs"]


def test_the_proxy_alone_is_published_and_the_databases_are_inside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert FILE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "mlflow", "optuna-dashboard"):
        assert SERVICES[name]["networks"] == ["inside"], name
    assert not [name for name, service in SERVICES.items() if service.get("network_mode") or service.get("privileged")]


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_restarts_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_nothing_runs_as_root(name: str) -> None:
    service = SERVICES[name]
    tag = service["image"].split(":")[1]
    assert re.match(r"\d+\.\d+", tag)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["image"].startswith(OURS) or service["user"] not in ("root", "0", "0:0")


def test_the_gpu_runner_is_the_runner_with_devices() -> None:
    runner, gpu = dict(SERVICES["runner"]), dict(SERVICES["runner-gpu"])
    (device,) = gpu.pop("deploy")["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert (runner.pop("profiles"), gpu.pop("profiles")) == (["runner"], ["runner-gpu"])
    assert runner == gpu


def test_the_runner_sees_the_checkout_s_definitions() -> None:
    mounted = {volume for volume in SERVICES["runner"]["volumes"] if volume.startswith("./")}
    scripts = {"./server/with-secrets:/etc/overthink/with-secrets:ro"}
    assert mounted == scripts | {f"./{folder}:/work/{folder}:ro" for folder in ("experiments", "sweeps")}


def test_mlflow_reaches_the_outside_where_artifacts_are_in_s3_alone(tmp_path: Path) -> None:
    needs("docker-compose")
    assert make(checkout(tmp_path), "secrets").returncode == 0
    with (tmp_path / ".env").open("a") as file:
        file.write("COMPOSE_FILE=docker-compose.yml:server/s3.yml\nARTIFACTS=s3://bucket/folder\n")
    read = compose(tmp_path, "config", "--format", "json")
    assert read.returncode == 0, read.stderr
    mlflow = json.loads(read.stdout)["services"]["mlflow"]
    assert set(mlflow["networks"]) == {"inside", "outside"}
    assert mlflow["environment"]["AWS_SHARED_CREDENTIALS_FILE"] == "/run/secrets/s3-credentials"
    assert "tmpfs" not in mlflow
    assert {volume["target"] for volume in mlflow["volumes"]} >= {"/tmp", "/artifacts"}
    assert mlflow["mem_limit"]


def test_the_proxy_knows_every_page_of_the_dashboard() -> None:
    """Both live under one name: what an update adds to the dashboard must not land at MLflow."""
    from optuna.storages import InMemoryStorage
    from optuna_dashboard._app import create_app  # type: ignore[import-untyped]

    configuration = (ROOT / "server" / "nginx.conf").read_text()
    (pattern,) = re.findall(r"location ~ (\^\S+) \{", configuration)
    rules = {str(route.rule) for route in create_app(InMemoryStorage()).routes} - {"/", "/favicon.ico"}
    assert len(rules) > 10
    unknown = {rule for rule in rules if not re.match(pattern, re.sub(r"<[^/]*:re:\(/\.\*\)\?>", "", rule))}
    assert unknown == set()
    assert not re.match(pattern, "/api/2.0/mlflow/runs/search")
