"""The list of runs: found by names and conditions, sorted, in every format."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import invoke


def listed(folder: Path, *arguments: str) -> list[str]:
    done = invoke(folder, "runs", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return [run["name"] for run in json.loads(done.stdout)]


def test_all_runs_newest_first_fit_80_columns(old_store: Path) -> None:
    done = invoke(old_store, "runs")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "2b00cf28  small: long" in done.stdout
    assert "11.25  21.25  20.00" in done.stdout
    found = json.loads(invoke(old_store, "runs", "--format", "json").stdout)
    assert len(found) == 17
    assert [run["started"] for run in found] == sorted((run["started"] for run in found), reverse=True)


def test_names_conditions_sorting_and_limit(old_store: Path) -> None:
    assert listed(old_store, "small: long") == ["small: long seed 1", "small: long", "small: long seed 0"]
    assert listed(old_store, "b99b69") == ["small: long seed 0"]
    assert listed(old_store, "tied: base", "--where", "kind=group") == ["tied: base"]
    grown = listed(old_store, "--where", "network.growth=4 and kind=run and status=finished")
    assert [name.partition(" [")[0] for name in grown] == ["small: long", "small: short"]
    best = listed(old_store, "--sort", "-test/overthinking/any_later", "--limit", "2")
    assert best == ["small: long seed 1", "small: long"]
    assert listed(old_store, "--where", "accuracy/last>0.12 or definition=small-policy and kind=group") == [
        *("small-policy: base", "small: long seed 1")
    ]


def test_chosen_columns_and_csv(old_store: Path) -> None:
    table = invoke(
        old_store, "runs", "small: long", "--metric", "network.growth", "--metric", "val/oracle/accuracy"
    ).stdout
    assert re.search(r" network\. .*\n.* growth ", table), "a title is broken at its dots"
    assert "Any later" not in table
    text = invoke(old_store, "runs", "small: long", "--metric", "network.growth", "--format", "csv").stdout
    records = list(csv.DictReader(io.StringIO(text)))
    assert [record["network.growth"] for record in records] == ["2", "2", "2"]
    assert records[0]["name"] == "small: long seed 1"
    times = invoke(old_store, "runs", "small: long", "--metric", "estimated", "--metric", "duration")
    assert (times.returncode, times.stderr) == (0, "")
    assert "estimated  duration" in times.stdout, "runs of an earlier version have no estimate"


def test_a_list_by_a_parameter(old_store: Path) -> None:
    by = ("runs", "--by", "regime.0.epochs")
    text = invoke(old_store, *by, "--format", "csv").stdout
    epochs = [int(value) for record in csv.DictReader(io.StringIO(text)) if (value := record["regime.0.epochs"])]
    assert epochs == sorted(epochs)
    assert len({*epochs}) > 1
    assert " regime.0. " in invoke(old_store, *by).stdout
    other = invoke(old_store, *by, "--sort", "-regime.0.epochs", "--format", "csv").stdout
    assert next(csv.DictReader(io.StringIO(other)))["regime.0.epochs"] == str(max(epochs))
    assert "--by regime.0.epoch: no run has" in invoke(old_store, "runs", "--by", "regime.0.epoch").stderr


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--where", "network.growht=4"], "tag or metric network.growht; did you mean 'network.growth'?"),
        (["--sort", "-acuracy/last"], "--sort -acuracy/last: no run has"),
        (["--metric", "test/acuracy/last"], "did you mean 'test/accuracy/last'?"),
        (["--where", "network.growth=4 and"], "expected a name after"),
        (["--format", "xls"], "--format xls: not one of table, json, csv"),
        (["no-such-definition"], "no-such-definition"),
    ],
)
def test_mistakes_are_one_sentence(old_store: Path, arguments: list[str], said: str) -> None:
    done = invoke(old_store, "runs", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_nothing_in_the_store(tmp_path: Path) -> None:
    done = invoke(tmp_path, "runs", "--where", "network.growth=4")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No runs in the store yet; start some with overthink run." in " ".join(done.stderr.split())
    assert not (tmp_path / "mlflow.db").exists()


def test_listing_imports_nothing_heavy(old_store: Path) -> None:
    code = (
        "from overthink.cli.commands.runs import runs\n"
        "import sys; runs(where='network.growth=4 and accuracy/last>0', sort='-accuracy/last')\n"
        "print([name for name in 'torch mlflow pandas plotly scipy sklearn numpy'.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=old_store)
    assert "small: long" in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "where, why",
    [
        ("status=finishd", "No such runs in the store: no run has status=finishd, only "),
        ("status=finishd", "finished"),
        ("network.growth=77 and status=finished", "no run has network.growth=77, only 2 and 4."),
        ("accuracy/last>2", "no run has accuracy/last>2, only "),
        ("network.growth=2 and network.growth=4", "No such runs in the store."),
    ],
)
def test_where_no_run_meets_a_condition_its_values_are_named(old_store: Path, where: str, why: str) -> None:
    for command in ("runs", "compare"):
        done = invoke(old_store, command, "--where", where)
        said = " ".join(done.stderr.split())
        assert why in said
