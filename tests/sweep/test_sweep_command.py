"""`overthink sweep` as a person calls it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.definition.loading import load_experiment
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.command import invoke
from support.small_sweep import sweep_file


def call(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return invoke(Path.cwd(), "sweep", *map(str, arguments))


def compared(*arguments: str | Path) -> list[dict[str, Any]]:
    done = invoke(Path.cwd(), "compare", *map(str, arguments), "--format", "json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows


def test_from_a_dry_run_to_confirmation(store: Store, tmp_path: Path) -> None:
    """Look, sweep, look again, take the best as a definition, confirm it with seeds that the sweep never saw."""
    path = sweep_file(tmp_path, trials=2)
    looked = call(path, "--dry-run")
    assert looked.returncode == 0, looked.stderr
    assert "2 trials would be started. Nothing was done" in looked.stderr
    assert not (tmp_path / "optuna.db").exists()

    unknown = invoke(Path.cwd(), "compare", str(path))
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no trials of this sweep in the store; start them with overthink sweep" in unknown.stderr
    early = call(path, "--best")
    assert early.returncode == 2
    assert "has no finished trial of this sweep" in early.stderr

    done = call(path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["counts"] == found["ended_now"] == {"finished": 2}
    assert found["stopped"] is None
    best = found["trials"][found["best"][0]]
    assert best["values"][0] == max(trial["values"][0] for trial in found["trials"])
    assert "trial 1 of 2:" in done.stderr
    assert (tmp_path / "optuna.db").exists()

    shown = [compared(), compared("--all"), compared(path), compared("tiny-sweep")]
    numbers = [[row["short_name"].partition(" [")[0] for row in rows] for rows in shown]
    assert numbers == [[f"trial-{found['best'][0]}"], *[["trial-0", "trial-1"]] * 3]
    assert [row["best_of"] for rows in shown for row in rows] == [2, *[0] * 6]
    reported = invoke(Path.cwd(), "report", str(path), "-o", "page.html")
    assert reported.returncode == 0, reported.stderr
    assert f"overthink sweep {path}" in (tmp_path / "page.html").read_text()

    printed = call(path, "--best")
    assert printed.returncode == 0, printed.stderr
    assert yaml.safe_load(printed.stdout)["name"] == "tiny-sweep-best"
    assert json.loads(call(path, "--best", "--json").stdout) == yaml.safe_load(printed.stdout)
    (tmp_path / "best.yaml").write_text(printed.stdout)
    (group,) = load_experiment(tmp_path / "best.yaml").groups
    assert group.definition.regime[0].lr == best["point"]["regime.0.lr"]
    assert [seeds.init for seeds in group.seeds] == [1, 2, 3, 4, 5]

    confirmed = call(path, "--confirm", "2", "--json")
    assert confirmed.returncode == 0, confirmed.stderr
    document = json.loads(confirmed.stdout)
    (one,) = document["confirmed"]
    assert (document["complete"], [run["outcome"] for run in document["runs"]]) == (True, ["finished"] * 2)
    runs = {run.run_id: run for run in find_runs(store, kind=tags.KIND_RUN)}
    values = [runs[run_id].metrics["val/accuracy/last"] for run_id in one["run_ids"]]
    assert (len(runs), len(values)) == (4, 2)
    assert {runs[run_id].seeds_label for run_id in one["run_ids"]} == {"1", "2"}
    assert one["fresh"]["mean"] == pytest.approx(sum(values) / 2)
    assert one["shrinkage"] == pytest.approx(best["values"][0] - sum(values) / 2)


def test_mistakes_are_sentences(store: Store, tmp_path: Path) -> None:
    refused = call(sweep_file(tmp_path, objectives=[{"metric": "test/accuracy/last"}]))
    assert refused.returncode == 2
    assert "is of test data, which must not select anything" in refused.stderr
    assert "Traceback" not in refused.stderr
    unknown = call("nothing-like-it")
    assert unknown.returncode == 2
    assert "no such file or shipped definition" in unknown.stderr
    storage = call(sweep_file(tmp_path), "--storage", "nowhere")
    assert storage.returncode == 1
    assert "storage nowhere: expected sqlite:///FILE" in storage.stderr
    closed = call(sweep_file(tmp_path), "--storage", "postgresql+psycopg://me:secret@127.0.0.1:9/none")
    assert closed.returncode == 1
    assert "Traceback" not in closed.stderr
    assert "secret" not in closed.stderr
