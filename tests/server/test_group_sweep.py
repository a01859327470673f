"""A sweep on the group's server: its study in PostgreSQL, its runs in MLflow, both seen from outside over HTTPS."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.server_group import API, ARTIFACTS, Group
from support.small_sweep import sweep_file

METRIC = "val/accuracy/last"


@pytest.fixture(scope="module")
def swept(group: Group, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ann's sweep says at its end, called in the runner's own environment."""
    folder = tmp_path_factory.mktemp("swept")
    sweep_file(folder, {"regime": [{"epochs": 1}]}, trials=2)
    done = group.runner("ann", folder, "sweep", "tiny-sweep.yaml", "--jobs", "1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in folder.iterdir() if path.suffix == ".db"] == []
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def of_the_sweep(group: Group, name: str, study: str) -> dict[str, dict[str, Any]]:
    """Return a sweep's groups by their trials' numbers, as MLflow shows them to someone."""
    found = group.ask("bob", "GET", f"{API}/experiments/get-by-name", params={"experiment_name": name}).json()
    wanted = {"experiment_ids": [found["experiment"]["experiment_id"]], "filter": f"tags.`overthink.sweep` = '{study}'"}
    runs = group.ask("bob", "POST", f"{API}/runs/search", json=wanted).json()["runs"]
    tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in runs]
    return {tag["overthink.trial"]: run for tag, run in zip(tags, runs, strict=True) if "overthink.trial" in tag}


def parent_of(group: Group, run: str) -> str:
    found = group.ask("bob", "GET", f"{API}/runs/get", params={"run_id": run}).json()["run"]["data"]["tags"]
    (parent,) = (str(tag["value"]) for tag in found if tag["key"] == "mlflow.parentRunId")
    return parent


def test_the_dashboard_and_mlflow_tell_the_same_of_every_trial(group: Group, swept: dict[str, Any]) -> None:
    trials = group.trials("bob", swept["study"])
    assert [trial["state"] for trial in trials] == ["Complete"] * 2
    groups = of_the_sweep(group, "tiny-sweep", swept["study"])
    assert set(groups) == {"0", "1"}
    for trial in trials:
        metrics = {one["key"]: one["value"] for one in groups[str(trial["number"])]["data"]["metrics"]}
        assert trial["values"] == [metrics[METRIC]] == [metrics[f"objective/{METRIC}"]]


def test_the_predictions_went_through_the_server_and_a_colleague_compares_them(
    group: Group, swept: dict[str, Any], tmp_path: Path
) -> None:
    table = group.overthink("bob", tmp_path, "compare", "tiny-sweep", "--format", "json")
    assert table.returncode == 0, table.stderr
    rows = json.loads(table.stdout)["rows"]
    assert {row["estimates"]["test/accuracy/last"]["n"] for row in rows} == {1}
    runs = [run for row in rows for run in row["run_ids"]]
    groups = of_the_sweep(group, "tiny-sweep", swept["study"])
    assert sorted(parent_of(group, run) for run in runs) == sorted(one["info"]["run_id"] for one in groups.values())
    for run in runs:
        name = f"{groups['0']['info']['experiment_id']}/{run}/artifacts/predictions/test.parquet"
        kept = (group.stack.folder / "artifacts" / name).read_bytes()
        assert kept[:4] == b"PAR1"
        assert group.ask("bob", "GET", f"{ARTIFACTS}/{name}").content == kept
