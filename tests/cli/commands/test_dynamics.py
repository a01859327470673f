"""`overthink dynamics` on runs that have recorded their course: real trainings, from the definition to the page."""

import csv
import io
import json
from pathlib import Path

import pytest

from overthink.cli.exit_codes import OK, WRONG_USAGE
from overthink.launching.outcomes import Options
from overthink.metrics.overthinking import overthinking_rate
from overthink.predictions.course import COURSE_FILE
from overthink.store import tags
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer
from support.command import invoke
from support.launches import launch_inline
from support.small import small


def store_in(folder: Path) -> Store:
    return Store(f"sqlite:///{folder}/mlflow.db")


def runs_in(folder: Path) -> list[StoredRun]:
    return sorted((run for run in all_runs(store_in(folder)) if not run.is_group), key=lambda run: run.name)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A folder with a store of three trainings that have recorded test samples, and of one that has recorded none."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    regime = [{"epochs": 4, "lr": 0.05, "drops": [2]}]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        whole = small(folder, name="recorded", regime=regime, seeds=3, record={"samples": "test"})
        plain = small(folder, name="plain", regime=regime, seeds=1)
        outcomes = launch_inline(store_in(folder), [whole, plain], Options())
        assert outcomes.complete, outcomes.messages
    return folder


def test_the_tables_and_the_page_of_a_group(recorded: Path) -> None:
    done = invoke(recorded, "dynamics", "recorded")
    assert done.returncode == OK, done.stderr
    assert "3 trainings, 80 test samples, 4 recorded moments. 95% intervals hold for new" in done.stdout
    assert "two exits of two trainings (the null)" in done.stdout
    assert "trainings" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    (group,) = (run for run in all_runs(store_in(recorded)) if run.is_group and run.definition == "recorded")
    page = store_in(recorded).text(group.run_id, tags.DYNAMICS_PAGE)
    assert "When is overthinking decided?" in page
    assert "Plotly.newPlot" in page


def test_the_figure_of_a_group_ends_at_the_rates_of_its_stored_predictions(recorded: Path) -> None:
    done = invoke(recorded, "figure", "course", "recorded", "-o", "course.svg")
    assert done.returncode == OK, done.stderr
    with (recorded / "course.csv").open() as file:
        points = [row for row in csv.DictReader(file) if row["curve"] == "any later"]
    assert [row["epoch"] for row in points] == ["1.0", "2.0", "3.0", "4.0"]
    runs = [run for run in runs_in(recorded) if run.definition == "recorded"]
    rates = [overthinking_rate(store_in(recorded).predictions(run.run_id, "test").correct_EN) for run in runs]
    assert float(points[-1]["mean"]) == pytest.approx(sum(rates) / 3)


def test_all_numbers_as_json_are_those_of_the_stored_predictions(recorded: Path) -> None:
    done = invoke(recorded, "dynamics", "recorded", "--format", "json")
    assert done.returncode == OK, done.stderr
    (answer,) = json.loads(done.stdout)
    store, runs = store_in(recorded), [run for run in runs_in(recorded) if run.definition == "recorded"]
    assert answer["runs"] == [run.run_id for run in runs]
    rates = [overthinking_rate(store.predictions(run.run_id, "test").correct_EN) for run in runs]
    numbers = {(one["of"], one["number"]): one["value"] for one in answer["numbers"]}
    assert numbers["any_later", "overthinking"] == pytest.approx(sum(rates) / 3)
    assert [stage["lr"] for stage in answer["stages"]] == pytest.approx([0.05, 0.005])
    assert len(answer["moments"]) == len(answer["curves"]["any_later_T"]) == 4
    assert len(answer["disorder"]["rate"]) == 3


def test_the_same_numbers_as_csv(recorded: Path) -> None:
    answer = json.loads(invoke(recorded, "dynamics", "recorded", "--format", "json").stdout)[0]
    rows = list(csv.DictReader(io.StringIO(invoke(recorded, "dynamics", "recorded", "--format", "csv").stdout)))
    assert [row["number"] for row in rows] == [one["number"] for one in answer["numbers"]]
    assert [float(row["value"]) for row in rows] == [one["value"] for one in answer["numbers"]]
    assert {row["group"] for row in rows} == {"base · recorded"}


def test_a_single_run_has_no_intervals_and_a_page_of_its_own(recorded: Path) -> None:
    run = next(run for run in runs_in(recorded) if run.definition == "recorded")
    done = invoke(recorded, "dynamics", run.run_id[:8])
    assert done.returncode == OK, done.stderr
    assert "One training has no intervals" in " ".join(done.stdout.split())
    assert "the null" not in done.stdout
    assert "When is overthinking decided?" in store_in(recorded).text(run.run_id, tags.DYNAMICS_PAGE)


def test_what_cannot_be_shown_is_one_sentence(recorded: Path) -> None:
    done = invoke(recorded, "dynamics", "plain")
    assert done.returncode == WRONG_USAGE
    said = " ".join(done.stderr.split())
    assert said.startswith("error: base · plain: its runs have recorded no course; to record one, put record: {")
    assert invoke(recorded, "dynamics", "recorded", "--format", "jsn").returncode == WRONG_USAGE
    assert "did you mean 'json'?" in invoke(recorded, "dynamics", "recorded", "--format", "jsn").stderr
    assert invoke(recorded, "dynamics", "nobody").returncode == WRONG_USAGE


def test_a_damaged_course_is_named_and_the_others_are_shown(recorded: Path) -> None:
    run = next(run for run in runs_in(recorded) if run.definition == "recorded")
    folder = store_in(recorded).artifact_folder(run.run_id)
    assert folder is not None
    file = folder / "predictions" / COURSE_FILE
    content = file.read_bytes()
    try:
        file.write_bytes(content[:100])
        done = invoke(recorded, "dynamics", "recorded")
    finally:
        file.write_bytes(content)
    assert done.returncode == OK
    assert f"run {run.run_id[:8]}: predictions/course.parquet: it is not a readable Parquet file" in done.stderr
    assert "2 trainings" in done.stdout


def test_a_store_that_refuses_the_page_loses_no_numbers(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "artifacts", refuse)
    done = invoke(recorded, "dynamics", "recorded")
    assert (done.returncode, "3 trainings" in done.stdout) == (OK, True)
    assert f"artifact {tags.DYNAMICS_PAGE} is not stored: [Errno 28] No space left" in " ".join(done.stderr.split())


def test_an_exported_run_takes_its_course_along(recorded: Path, tmp_path: Path, empty_database: Path) -> None:
    run = next(run for run in runs_in(recorded) if run.definition == "recorded")
    assert invoke(recorded, "export", run.run_id, "-o", str(tmp_path / "out")).returncode == OK
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    done = invoke(tmp_path, "import", "out")
    assert done.returncode == OK, done.stderr
    ours, theirs = (invoke(folder, "dynamics", name, "--format", "csv").stdout for folder, name in (
        (recorded, run.run_id), (tmp_path, "recorded")
    ))  # fmt: skip
    assert [row.split(",")[1:4] for row in ours.splitlines()] == [row.split(",")[1:4] for row in theirs.splitlines()]
