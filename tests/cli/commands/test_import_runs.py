"""`overthink import`, and what the commands that read the store make of imported runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from support.command import invoke, ok
from support.outside import COLUMNS, outside, write_text

COSTS = ("--costs", "1000000,2500000,6000000")


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path) -> Path:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    return tmp_path


def imported(folder: Path, *arguments: str, name: str = "theirs") -> str:
    done = invoke(folder, "import", name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_one_file_becomes_a_run_that_every_table_shows(folder: Path) -> None:
    one = outside()
    write_text(folder / "t.txt", one)
    said = imported(
        folder, "--test", "t.txt", *COLUMNS, *COSTS, "--source", f"https://example.org/commit/1 [[link {32 * 'a'}]]"
    )
    assert "Not known" in said
    assert "predicted classes" in said
    (row,) = json.loads(ok(folder, "compare", "theirs", "--format", "json"))["rows"]
    assert row["estimates"]["test/accuracy/last"]["mean"] == one.correct_EN[-1].mean()
    assert row["estimates"]["test/oracle/accuracy"]["mean"] == one.correct_EN.any(axis=0).mean()
    assert (row["kernels"], row["estimates"]["test/accuracy/last"]["interval"]) == ([], "samples")

    ok(folder, "analyse", "theirs")
    page = ok(folder, "report", "theirs")
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert page == ""
    assert "https://example.org/commit/1" in text
    assert "overthink import theirs --test t.txt" in text
    run = next(run for run in all_runs(Store(f"sqlite:///{folder}/mlflow.db")) if not run.is_group)
    refused = invoke(folder, "budget", run.run_id, "--mul-adds", "2e6")
    assert "it has no validation predictions" in refused.stderr
    assert "it was imported" in invoke(folder, "bench", run.run_id).stderr


def test_importing_twice_changes_nothing_and_other_content_is_refused(folder: Path) -> None:
    write_text(folder / "t.txt", outside())
    imported(folder, "--test", "t.txt", *COLUMNS, *COSTS)
    before = all_runs(Store(f"sqlite:///{folder}/mlflow.db"))
    write_text(folder / "same.csv", outside(), ",")
    assert "already imported" in imported(folder, "--test", "same.csv", *COLUMNS, *COSTS)
    assert all_runs(Store(f"sqlite:///{folder}/mlflow.db")) == before
    write_text(folder / "t.txt", outside(seed=1))
    done = invoke(folder, "import", "theirs", "--test", "t.txt", *COLUMNS, *COSTS)
    assert (done.returncode, "other predictions of this seed" in done.stderr) == (2, True)


def test_seeds_variants_validation_and_differences(folder: Path) -> None:
    for seed in range(3):
        for name, offset in (("a", 0), ("b", 10)):
            network, val = outside(seed + offset), outside(seed + offset + 100)
            np.savez(folder / f"{name}-{seed}.npz", logits=network.logits_ENC, labels=network.labels_N)
            np.savez(folder / f"{name}v-{seed}.npz", logits=val.logits_ENC, labels=val.labels_N)
    for name in ("a", "b"):
        imported(folder, "--test", name + "-{seed}.npz", "--val", name + "v-{seed}.npz", "--variant", name, *COSTS)
    rows = json.loads(ok(folder, "compare", "theirs", "--against", "a", "--format", "json"))["rows"]
    assert [row["finished"] for row in rows] == [["0", "1", "2"]] * 2
    assert rows[1]["differences"]["test/accuracy/last"]["n"] == 3
    (first, _) = json.loads(ok(folder, "study", "theirs", "--json"))
    assert first["arms"]["all"]["ensembles"]["from_logits"] is True
    ok(folder, "analyse", "theirs")
    ok(folder, "report", "theirs")
    run = next(run for run in all_runs(Store(f"sqlite:///{folder}/mlflow.db")) if not run.is_group)
    assert json.loads(ok(folder, "budget", run.run_id, "--mul-adds", "3e6", "--json"))["mul_adds_per_sample"] <= 3e6
    ok(folder, "diff", "theirs: a", "theirs: b")


def test_costs_that_are_no_mul_adds_are_not_called_so(folder: Path) -> None:
    write_text(folder / "t.txt", outside())
    imported(folder, "--test", "t.txt", *COLUMNS, "--costs", "0.1,0.4,1", "--cost-unit", "relative", "--seed", "3")
    run = next(run for run in all_runs(Store(f"sqlite:///{folder}/mlflow.db")) if not run.is_group)
    found = json.loads(ok(folder, "anytime", run.run_id, "--budget", "0.5", "--json"))
    assert found["cost_unit"] == "relative"
    (budget,) = found["budgets"]
    assert (budget["budget"], budget["mul_adds"], budget["exit"]) == (0.5, None, 2)
    refused = invoke(folder, "anytime", run.run_id, "--budget", "half").stderr
    assert "expected a budget in the unit of the run's costs" in " ".join(refused.split())


def test_an_exported_run_is_imported_again_bit_for_bit(folder: Path) -> None:
    write_text(folder / "t.txt", outside())
    imported(folder, "--test", "t.txt", *COLUMNS, "--costs", "0.1,0.4,1", "--cost-unit", "relative", "--seed", "3")
    store = Store(f"sqlite:///{folder}/mlflow.db")
    run = next(run for run in all_runs(store) if not run.is_group)
    (done,) = json.loads(ok(folder, "export", run.run_id, "-o", "out", "--json"))
    assert {*done["files"]} == {"predictions/test.parquet", "provenance.json", "run.json"}
    words = ("import", "again", "--test", f"{done['folder']}/predictions/test.parquet", "--seed", "3")
    assert invoke(folder, *words, MLFLOW_TRACKING_URI=store.uri).returncode == 0
    again = next(other for other in all_runs(store) if not other.is_group and other.definition == "again")
    assert again.seeds == run.seeds
    first, second = (store.artifact(one, "predictions/test.parquet", folder) for one in (run.run_id, again.run_id))
    assert first.read_bytes() == second.read_bytes()
    refused = invoke(folder, "export", run.run_id, "-o", "out")
    assert "it exists already" in " ".join(refused.stderr.split())


@pytest.mark.process
def test_two_processes_do_not_import_the_same_runs(folder: Path) -> None:
    write_text(folder / "t.txt", outside())
    call = [sys.executable, "-m", "overthink.cli", "import", "theirs", "--test", "t.txt", *COLUMNS, *COSTS]
    both = [subprocess.Popen(call, cwd=folder, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=200)[1] for one in both]
    codes = sorted(one.returncode for one in both)
    assert codes == [0, 0] or (codes == [0, 1] and "another process stores these runs" in "".join(said)), said
    runs = [run for run in all_runs(Store(f"sqlite:///{folder}/mlflow.db")) if not run.is_group]
    assert [run.is_finished for run in runs] == [True]


def test_a_study_of_correctness_alone_says_what_is_not_known(folder: Path) -> None:
    for seed in range(3):
        write_text(folder / f"t{seed}.txt", outside(seed))
    imported(folder, "--test", "t{seed}.txt", *COLUMNS)
    said = ok(folder, "study", "theirs")
    assert "averages out over trainings is not known" in " ".join(said.split())
    (found,) = json.loads(ok(folder, "study", "theirs", "--json"))
    arm = found["arms"]["all"]
    assert (arm["churn_E"], arm["ensembles"], arm["depth_RE"], arm["oracle_transfer"]["curve"]) == ([], None, None, [])
    ok(folder, "analyse", "theirs")
    ok(folder, "report", "theirs")


@pytest.mark.parametrize(
    "arguments,message",
    [
        (("--test", "none.csv"), "none.csv: no such file"),
        (("--test", "t.txt", "--costs", "3,2,1"), "--costs 3,2,1: costs is cumulative and must grow"),
        (("--test", "t.txt", "--costs", "0.1,0.2,0.5"), "MUL-ADDs are integers; name another unit"),
        (("--test", "t.txt", "--costs", "0.1,0.2,0.5", "--cost-unit", "relative"), "must end with 1"),
        (("--test", "t.txt", "--val", "t.txt"), "two splits have the same file"),
        (("--test", "t.txt", "--seeds", "split=0"), "expected seeds by stream with one of init"),
        (("--test", "x{seed}.txt"), "no such files"),
        (("--test", "t.txt", "--variant", "../x"), "expected letters, digits"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_made(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    write_text(folder / "t.txt", outside())
    done = invoke(folder, "import", "theirs", *COLUMNS, *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert all_runs(Store(f"sqlite:///{folder}/mlflow.db")) == []


def test_the_name_of_a_definition_is_taken(folder: Path) -> None:
    done = invoke(folder, "import", "quickstart", "--test", "t.txt")
    assert "NAME quickstart: a definition has this name" in " ".join(done.stderr.split())


def test_names_that_are_not_utf_8(folder: Path) -> None:
    """A store holds none: a file's name is stored with a question mark, any other text is refused."""
    name = os.fsdecode(b"caf\xe9")
    write_text(folder / f"{name}.txt", outside())
    for option in ("--source", "--dataset"):
        refused = invoke(folder, "import", "theirs", "--test", f"{name}.txt", *COLUMNS, option, name)
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"error: {option} caf?: not UTF-8 in this locale")
    assert "imported as run" in imported(folder, "--test", f"{name}.txt", *COLUMNS)
    run = next(run for run in all_runs(Store(f"sqlite:///{folder}/mlflow.db")) if not run.is_group)
    assert "--test 'caf?.txt'" in run.params["import"]

    for asked in (["runs", "--where", f"{name}>3"], ["runs", "--sort", name], ["compare", "--metric", name]):
        refused = invoke(folder, *asked)
        assert refused.returncode == 2
        assert re.fullmatch(r"error: --(where|sort|metric) .*: not UTF-8 in this locale; .*\n", refused.stderr)
    assert "not UTF-8" in invoke(folder, "export", run.run_id, "--format", "onnx", "-o", name).stderr
    assert not (folder / name).exists()
    (folder / f"{name}.html").write_text("before")
    assert ok(folder, "report", "theirs", "-o", f"{name}.html") == ""
    assert "theirs" in (folder / f"{name}.html").read_text(encoding="utf-8")


def test_splits_of_different_tasks_are_refused(folder: Path) -> None:
    one = outside()
    np.savez(folder / "t.npz", labels=one.labels_N, logits=one.logits_ENC.astype(np.float32))
    fewer_ENC = one.logits_ENC.astype(np.float32)[:, :, :-1]
    np.savez(folder / "v.npz", labels=one.labels_N % fewer_ENC.shape[2], logits=fewer_ENC)
    done = invoke(folder, "import", "theirs", "--test", "t.npz", "--val", "v.npz")
    assert done.returncode == 2
    assert "both must be of one task" in " ".join(done.stderr.split())


def test_a_source_is_no_markdown_of_mlflows_pages(folder: Path) -> None:
    """Nor is the one of an edited export: MLflow would fetch its pictures from any address."""
    write_text(folder / "t.txt", outside())
    imported(folder, "--test", "t.txt", *COLUMNS, "--source", "![x](https://evil.example/p.png)\n\n# Heading `code`")
    store = Store(f"sqlite:///{folder}/mlflow.db")
    notes = [run.note for run in all_runs(store) if not run.is_group]
    notes += [one.tags["mlflow.note.content"] for one in store.client.search_experiments() if one.name == "theirs"]
    assert len(notes) == 2
    for note in notes:
        assert "`![x](https://evil.example/p.png)" in note
        assert "\n# Heading" not in note
        assert note.count("`") == 2
