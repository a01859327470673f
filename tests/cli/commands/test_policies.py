"""`overthink policies`, on runs whose predictions are made up."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from overthink.exit_policies.catalogue import TABLE, named
from overthink.exit_policies.references import REFERENCES
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from support.command import invoke
from support.plugins import clean_plugins
from support.random_exits import made_up

COSTS = ("--costs", "1000,2500,4000")


def save(path: Path, of: Predictions) -> None:
    np.savez(path, logits=needed(of.logits_ENC, "logits"), labels=needed(of.labels_N, "labels"))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """Return a folder with a store of one group of three imported networks."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    for seed in range(3):
        save(folder / f"v-{seed}.npz", made_up(240, "val", seed))
        test = made_up(200, "test", 0) if seed == 0 else networks(seed)
        save(folder / f"t-{seed}.npz", test)
    files = ("--test", "t-{seed}.npz", "--val", "v-{seed}.npz")
    done = invoke(folder, "import", "theirs", *files, *COSTS, XDG_CACHE_HOME=str(folder / "cache"))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(imported: Path, tmp_path: Path) -> Path:
    """Return a copy of it, without the pages of its runs."""
    shutil.copytree(imported, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("figures.html"))
    return tmp_path


def networks(seed: int) -> Predictions:
    """Return the samples of the first network, seen by another one."""
    first, random = made_up(200, "test", 0), np.random.default_rng(seed)
    assert first.logits_ENC is not None
    assert first.labels_N is not None
    logits_ENC = first.logits_ENC + random.normal(size=first.logits_ENC.shape)
    zeros_N = np.zeros(200, dtype=np.int64)
    return Predictions.from_logits(
        logits_ENC, first.labels_N, first.ids_N, zeros_N, (), [1000, 2500, 4000], "", "test", True
    )


def ok(folder: Path, *arguments: str) -> str:
    done = invoke(folder, "policies", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_policy_is_compared_and_numbers_are_those_of_the_predictions(folder: Path) -> None:
    (group,) = json.loads(ok(folder, "theirs", "--format", "json"))
    assert group["problems"] == []
    assert [row["name"] for row in group["rows"]] == [*TABLE, *(one.name for one in REFERENCES)]
    assert (group["n_runs"], len(group["runs"]), group["n_samples"]) == (3, 3, 200)
    store = Store(f"sqlite:///{folder}/mlflow.db")
    expected = []
    for run_id in group["runs"]:
        point = named("top2-ratio").fit(store.predictions(run_id, "val")).at(2000.0)
        expected.append(point.offline(store.predictions(run_id, "test")).right_N.mean())
    row = next(row for row in group["rows"] if row["name"] == "top2-ratio")
    assert row["at"][1]["budget"] == 0.5
    assert row["at"][1]["accuracy"]["value"] == pytest.approx(np.mean(expected))
    assert row["against"]["difference"]["low"] < row["against"]["difference"]["high"]


def test_the_table_is_read_at_80_columns(folder: Path) -> None:
    shown = ok(folder, "theirs", "--policy", "product", "--policy", "static", "--budgets", "30%,50%,100")
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert "30%" in shown
    assert [line.split()[0] for line in lines if line.startswith(("max-", "prod", "static", "oracle"))] == [
        *("max-softmax", "product", "static", "oracle†"),
        *("max-softmax", "product", "static", "oracle†"),
    ]
    assert "Largest area: " in shown
    caption = " ".join(shown.split())
    assert "± to the farther end of the 95% interval for new seeds and new test samples" in caption
    assert "p: paired t-test over seeds, corrected for 3 comparisons (Holm)" in caption  # product, static and random


def test_one_run_has_intervals_over_samples(folder: Path) -> None:
    run = next(run for run in all_runs(Store(f"sqlite:///{folder}/mlflow.db")) if not run.is_group)
    done = invoke(folder, "policies", run.run_id, "--policy", "max-softmax", "--format", "json")
    (one,) = json.loads(done.stdout)
    assert (one["n_runs"], one["runs"], one["group_id"]) == (1, [run.run_id], "")
    assert "Stored with 1 run: artifact analysis/policies.html, and metrics. --no-save stores nothing." in " ".join(
        done.stderr.split()
    )
    assert one["rows"][0]["at"][0]["accuracy"]["low"] is not None
    assert "cross-training: the oracle of another training needs two runs" in done.stderr


def test_files(folder: Path) -> None:
    asked = ("theirs", "--policy", "mean", "--budgets", "50%")
    records = list(csv.DictReader(io.StringIO(ok(folder, *asked, "--format", "csv"))))
    assert [(row["policy"], row["budget"]) for row in records[:2]] == [("max-softmax", "0.5"), ("mean", "0.5")]
    assert 0 < float(records[0]["accuracy_low"]) < float(records[0]["accuracy"])
    latex = ok(folder, *asked, "--format", "latex")
    assert r"\begin{tabular}{lrrr}" in latex
    assert r"max-softmax & " in latex
    assert r"$\pm$" in latex
    assert ok(folder, *asked, "--format", "html", "-o", "page.html") == ""
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert "zero-time-waste" not in page
    ok(folder, *asked, "-o", "table.txt")
    assert "Largest area" in (folder / "table.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--policy", "max-softmaks"), "no exit policy is named 'max-softmaks'; did you mean 'max-softmax'?"),
        (("--against", "nothing"), "no exit policy is named 'nothing'"),
        (("--budgets", "20%"), "a budget of 20% of the last exit's cost is below the cost of exit 1, 25%"),
        (("--budgets", "half"), "--budgets half: expected percent of the last exit's cost, e.g. 25%,50%,100%"),
        (("--budgets", "0%"), "--budgets 0%: expected percent"),
        (("--format", "xml"), "--format xml: not one of table, json, csv, latex, html"),
        (("-o", "nowhere/table.txt"), "nowhere/table.txt: folder nowhere does not exist"),
    ],
)
def test_mistakes_are_one_sentence(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = invoke(folder, "policies", "theirs", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_run_without_validation_data_is_named(folder: Path) -> None:
    invoke(folder, "import", "bare", "--test", "t-0.npz", *COSTS)
    done = invoke(folder, "policies", "bare")
    assert done.returncode == 2
    assert "no validation predictions, on which policies are fitted; import them with --val" in done.stderr


def test_a_class_that_never_occurs_leaves_out_one_policy(folder: Path) -> None:
    few = made_up(240, "val", 0)
    assert few.labels_N is not None
    assert few.logits_ENC is not None
    kept_M = np.flatnonzero(few.labels_N != 3)
    np.savez(folder / "few.npz", logits=few.logits_ENC[:, kept_M], labels=few.labels_N[kept_M])
    done = invoke(folder, "import", "few", "--test", "t-0.npz", "--val", "few.npz", *COSTS)
    assert done.returncode == 0, done.stderr
    done = invoke(folder, "policies", "few", "--policy", "classwise", "--format", "json")
    assert done.returncode == 0
    assert "classwise: class 3 never occurs in the validation data" in done.stderr
    assert json.loads(done.stdout)[0]["rows"][0]["name"] == "max-softmax"


def test_a_bound_can_be_named(folder: Path) -> None:
    for asked, rows in (
        (("--policy", "random"), ["max-softmax", "random"]),
        (("--policy", "static", "--policy", "oracle"), ["max-softmax", "static", "oracle"]),
        (("--policy", "static", "--no-references"), ["max-softmax", "static"]),
    ):
        (group,) = json.loads(ok(folder, "theirs", *asked, "--format", "json"))
        assert [row["name"] for row in group["rows"]] == rows


def test_policies_are_listed(folder: Path) -> None:
    shown = ok(folder, "--list")
    assert "zero-time-waste" in shown
    assert "Zhou et al. 2020" in shown
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("oracle")] == ["oracle"]


def test_promises(folder: Path) -> None:
    done = invoke(
        folder, "policies", "theirs", "--policy", "static", "--risk", "0.1", "--confidence", "0.9", "--format", "json"
    )
    assert done.returncode == 0, done.stderr
    (group,) = json.loads(done.stdout)
    assert [(one["method"], one["of"]) for one in group["promises"]][:2] == [("ltt", "accuracy"), ("ucb", "accuracy")]
    assert all(0 <= one["broken"] <= 1 and one["risk"]["value"] < 0.2 for one in group["promises"])
    shown = ok(folder, "theirs", "--policy", "static", "--risk", "0.1", "--confidence", "0.9")
    assert max(map(len, shown.splitlines())) <= 80
    assert "Learn-then-Test" in " ".join(shown.split())
    ok(folder, "theirs", "--policy", "static", "--risk", "0.1", "--foresight", "--format", "html", "-o", "page.html")
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "Promised: a loss of at most 10%, with a chance of 95%" in page
    assert "Overthinking to come" in page
    few = invoke(folder, "policies", "theirs", "--risk", "0.001")
    assert few.returncode == 2
    assert "needs at least 999 validation samples (Conformal risk control), and there are 240" in few.stderr


def test_budget_certifies_a_risk(folder: Path) -> None:
    run = next(run for run in all_runs(Store(f"sqlite:///{folder}/mlflow.db")) if not run.is_group)
    asked = ("budget", run.run_id, "--risk", "0.1", "--confidence", "0.9")
    found = json.loads(invoke(folder, *asked, "--json").stdout)
    assert found["samples"] == 240
    assert found["validation_risk"] < 0.1
    assert f"confidence above {found['threshold']:g}" in " ".join(invoke(folder, *asked).stdout.split())
    few = invoke(folder, "budget", run.run_id, "--risk", "0.01")
    assert (few.returncode, few.stdout) == (2, "")
    assert "needs at least 299 validation samples (Learn-then-Test), and there are 240" in few.stderr
    assert "give either --mul-adds, a budget, or --risk" in invoke(folder, "budget", run.run_id).stderr


def test_foresight(folder: Path) -> None:
    asked = ("theirs", "--policy", "static", "--no-references", "--foresight")
    (group,) = json.loads(ok(folder, *asked, "--format", "json"))
    found = {one["measure"]: one for one in group["foresight"]}
    assert all(0.3 < value < 1 for one in found.values() for value in one["auroc_E"])
    assert found["entropy"]["overthinking_E"][-1] is None
    assert found["entropy"]["calibration_E"] is None
    shown = " ".join(ok(folder, *asked).split())
    assert "Overthinking to come" in shown
    assert f"{100 * found['margin']['auroc_E'][0]:.2f}" in shown


@pytest.fixture
def no_plugins(folder: Path) -> Iterator[None]:
    """Forget, after the test, what it has named."""
    for _ in clean_plugins(folder):
        yield


@pytest.mark.usefixtures("no_plugins")
def test_plugins_are_listed_and_compared(folder: Path) -> None:
    (folder / "policies_of_mine.py").write_text(
        "from dataclasses import replace\n"
        "from overthink.exit_policies.catalogue import named\n"
        "MINE = replace(named('margin'), name='mine')\n"
    )
    done = invoke(folder, "plugins", "--plugin", "policies_of_mine", "--json")
    assert {"group": "exit_policies", "name": "mine", "place": "module policies_of_mine"} in json.loads(done.stdout)
    (group,) = json.loads(
        ok(
            folder,
            "theirs",
            "--policy",
            "mine",
            "--policy",
            "margin",
            "--format",
            "json",
            "--plugin",
            "policies_of_mine",
        )
    )
    rows = {row["name"]: row for row in group["rows"]}
    assert rows["mine"]["at"] == rows["margin"]["at"]


def test_a_page_and_metrics_are_left_in_the_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("theirs", "--policy", "top2-ratio", "--budgets", "50%,100%", "--no-references")
    ok(folder, *asked, "--no-save")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    store = Store()

    def group() -> StoredRun:
        (found,) = [run for run in all_runs(store) if run.is_group]
        return found

    assert not [name for name in group().metrics if name.startswith("exit_policies/")]
    (told,) = json.loads(ok(folder, *asked, "--format", "json"))
    row = next(row for row in told["rows"] if row["name"] == "top2-ratio")
    metrics = group().metrics
    assert metrics["exit_policies/top2-ratio/area"] == row["area"]["value"]
    assert metrics["exit_policies/top2-ratio/accuracy_at_50_percent"] == row["at"][0]["accuracy"]["value"]
    assert "top2-ratio" in store.text(group().run_id, "analysis/policies.html")
    ok(folder, *asked)
    history = store.client.get_metric_history(group().run_id, "exit_policies/top2-ratio/area")
    assert len(history) == 1


def test_a_comparison_of_some_rules_does_not_replace_a_page_of_more(folder: Path) -> None:
    store = Store(f"sqlite:///{folder}/mlflow.db")
    (group,) = [run.run_id for run in all_runs(store) if run.is_group]
    some = ("theirs", "--no-references", "--budgets", "50%,100%")

    def page() -> str:
        return store.text(group, "analysis/policies.html")

    ok(folder, *some, "--policy", "margin", "--policy", "static")
    first = page()
    done = invoke(folder, "policies", *some, "--policy", "margin")
    assert "the page analysis/policies.html of base · theirs stays, since it has more rules or budgets" in done.stderr
    assert "Stored with" not in done.stderr
    assert page() == first
    ok(folder, *some, "--policy", "margin", "--policy", "static", "--policy", "entropy")
    assert "entropy" in page()
    ok(folder, "theirs", "--policy", "margin", "--policy", "static", "--policy", "entropy", "--budgets", "50%")
    assert "oracle" not in page(), "another comparison, with fewer budgets"
    ok(folder, "theirs")
    assert "zero-time-waste" in page()
