"""A group's server from docker-compose.yml's own commands: what its people do, over HTTPS."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from support.server_group import API, ARTIFACTS, PASSWORDS, Group, Work
from support.server_stack import ROOT, Stack


def test_a_run_is_stored_and_compared_and_not_run_again(group: Group, work: Work, tmp_path: Path) -> None:
    compared = group.overthink("bob", tmp_path, "compare", "--format", "csv")
    assert compared.returncode == 0, compared.stderr
    assert "small" in compared.stdout
    again = group.overthink("bob", tmp_path, "run", str(work.folder / "small.yaml"), "--dry-run")
    assert "0 of 1 run would be trained" in again.stderr


def test_the_artifacts_are_in_the_volume_and_come_back_whole(group: Group, work: Work) -> None:
    name = f"{work.experiment}/{work.run}/artifacts/predictions/test.parquet"
    kept = (group.stack.folder / "artifacts" / name).read_bytes()
    assert kept[:4] == b"PAR1"
    assert group.ask("bob", "GET", f"{ARTIFACTS}/{name}").content == kept


def test_colleagues_add_to_one_experiment(group: Group, work: Work, tmp_path: Path) -> None:
    more = group.overthink("bob", tmp_path, "run", str(work.folder / "small.yaml"), "--seeds", "1:2")
    assert more.returncode == 0, more.stdout + more.stderr
    table = group.overthink("ann", tmp_path, "compare", "small", "--format", "json")
    (row,) = json.loads(table.stdout)["rows"]
    assert row["estimates"]["test/accuracy/last"]["n"] == len(row["run_ids"]) == 2


def test_a_study_in_postgresql_shows_on_the_dashboard(group: Group) -> None:
    code = """
import optuna, os
study = optuna.create_study(study_name="lambda", storage=os.environ["OPTUNA_STORAGE"], direction="maximize")
for _ in range(3):
    trial = study.ask()
    study.tell(trial, trial.suggest_float("lambda", 1, 50))
"""
    group.stack.call("runner", "python", "-c", code, stderr=subprocess.PIPE)
    trials = group.trials("ann", "lambda")
    assert [trial["state"] for trial in trials] == ["Complete"] * 3
    assert "Optuna Dashboard" in group.ask("bob", "GET", "/dashboard/").text


def test_the_databases_are_apart(stack: Stack) -> None:
    for service, own, other in (("mlflow", "mlflow", "optuna"), ("optuna-dashboard", "optuna", "mlflow")):
        stack.call(service, "psql", "--dbname", own, "--command", "SELECT 1", stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.CalledProcessError):
            stack.call(service, "psql", "--dbname", other, "--command", "SELECT 1", stderr=subprocess.DEVNULL)


def test_accounts_are_in_postgresql_and_nothing_is_beside_it(stack: Stack, group: Group) -> None:
    query = ["psql", "--dbname", "mlflow", "--tuples-only", "--no-align", "--command", "SELECT username FROM users"]
    names = stack.call("mlflow", *query, capture_output=True, text=True).stdout.split()
    assert set(names) >= {"admin", *PASSWORDS}
    assert list((stack.folder / "home").glob("*.db")) == []


def test_no_secret_is_in_a_log_or_on_a_command_line(stack: Stack, work: Work) -> None:
    logs = "".join(path.read_text() for path in (stack.folder / "log").iterdir())
    lines = "".join(" ".join(map(str, process.args)) for process in stack.processes.values())  # type: ignore[arg-type]
    assert len(stack.passwords) == 6
    for name, secret in stack.passwords.items():
        assert secret not in logs + lines, name


def test_the_update_of_the_documentation_works_and_loses_nothing(group: Group, work: Work) -> None:
    stack = group.stack
    guide = (ROOT / "docs" / "server.md").read_text()
    calls = re.findall(r"^docker compose run --rm --no-deps (\S+) (.*)$", guide, re.MULTILINE)
    assert [service for service, _ in calls] == ["mlflow", "optuna-dashboard"]
    for service, words in calls:
        stack.call(service, *shlex.split(words), capture_output=True)
        assert stack.healthy(service)
    assert group.ask("bob", "GET", f"{API}/runs/get", params={"run_id": work.run}).status_code == 200
