"""docker-compose.yml and the proxy's configuration, as far as they can be read without an engine."""

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
    assert "required variable POSTGRES_PASSWORD is missing" in refused.stderr
    assert "run make secrets" in refused.stderr
    assert make(tmp_path, "secrets").returncode == 0
    read = compose(tmp_path, "--profile", "*", "config", "--quiet")
    assert (read.returncode, read.stderr) == (0, "")
    (tmp_path / ".env").write_text(
        re.sub("OPTUNA_DB_PASSWORD=.*", "OPTUNA_DB_PASSWORD=", (tmp_path / ".env").read_text())
    )
    assert "OPTUNA_DB_PASSWORD is missing" in compose(tmp_path, "config", "--quiet").stderr


def test_no_password_is_written_in_the_file() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET", key):
                assert value is None or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), f"{name}: {key}"


def test_the_proxy_alone_is_published_and_the_databases_are_inside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert FILE["networks"]["inside"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["optuna-dashboard"]["networks"] == ["inside"]
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
    assert mounted == {f"./{folder}:/work/{folder}:ro" for folder in ("experiments", "sweeps")}


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
