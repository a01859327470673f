"""The table of chosen runs, by chosen parameters and metrics."""

import json
from pathlib import Path

import pytest

from support.command import invoke


def test_chosen_runs_by_a_parameter(old_store: Path) -> None:
    done = invoke(old_store, "compare", "--where", "definition=small and status=finished", "--by", "network.growth")
    assert done.returncode == 0, done.stderr  # the interrupted run is left out, not missing
    assert max(map(len, done.stdout.splitlines())) <= 80
    chosen = ("--by", "network.growth", "--sort", "-network.growth", "--format", "json", "--interval", "seeds")
    rows = json.loads(invoke(old_store, "compare", "--where", "status=finished", *chosen).stdout)["rows"]
    assert [row["group"] for row in rows] == ["network.growth=4", "network.growth=2"]
    (one,) = json.loads(invoke(old_store, "compare", "--where", "seed=1 and variant=short", *chosen).stdout)["rows"]
    assert (one["finished"], one["gaps"]) == (["1"], [])


def test_chosen_metrics(old_store: Path) -> None:
    done = invoke(
        old_store, "compare", "small", "--metric", "accuracy/exit_1", "--metric", "oracle/mul_adds", "--format", "json"
    )
    document = json.loads(done.stdout)
    assert document["metrics"] == ["test/accuracy/exit_1", "test/oracle/mul_adds"]
    assert all(set(row["estimates"]) <= set(document["metrics"]) for row in document["rows"])


def test_a_report_of_chosen_runs(old_store: Path) -> None:
    done = invoke(old_store, "report", "small: long", "--where", "seed=1", "-o", "page.html", "--interval", "seeds")
    assert done.returncode == 0, done.stderr
    page = (old_store / "page.html").read_text()
    assert "b5477bb6" in page
    assert "b99b6943" not in page
    done = invoke(old_store, "report", "small: long", "--where", "seed=9", "-o", "other.html")
    assert done.returncode == 2
    assert "small: long: no run meets --where 'seed=9': no run has seed=9, only 0, 1 and '0 1'" in " ".join(
        done.stderr.split()
    )


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["compare", "--by", "network.growht"], "nor a parameter of these runs; did you mean 'network.growth'?"),
        (["compare", "--where", "network.growht=1"], "did you mean 'network.growth'?"),
        (["compare", "--metric", "acuracy/last"], "did you mean 'accuracy/last'?"),
        (["compare", "--metric", "network.growth"], "--metric network.growth: no run has this metric"),
        (["compare", "--sort", "oracle"], "--sort oracle: not one of group, n, test/accuracy/last"),
        (["report", "small", "--where", "seed"], "expected one of = != < <= > >="),
    ],
)
def test_mistakes_are_one_sentence(old_store: Path, arguments: list[str], said: str) -> None:
    done = invoke(old_store, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_a_baseline_may_be_a_group_that_is_not_named_otherwise(old_store: Path) -> None:
    shown = ("--against", "small: short", "--interval", "seeds", "--format", "json")
    done = invoke(old_store, "compare", "small: long", *shown)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {row["group"] for row in rows} == {"small: long", "small: short"}
    assert json.loads(invoke(old_store, "compare", "small: long", "small: short", *shown).stdout)["rows"] == rows
    done = invoke(old_store, "compare", "small: long", "--against", "small: shrot")
    assert (done.returncode, "no row is called 'small: shrot'" in done.stderr) == (2, True)
