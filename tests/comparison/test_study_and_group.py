"""A study, and then a plain group of the very same definition: whose runs are whose."""

import json
from pathlib import Path
from statistics import mean, stdev

import pytest
import yaml

from overthink.cli.commands.diff import diff
from overthink.comparison.overthinking import overthinking_rows
from overthink.definition.loading import load_experiment
from overthink.launching.outcomes import Options
from overthink.launching.public import Silent
from overthink.report.analysis import analyse
from overthink.report.experiments import report_on
from overthink.seeds import joined
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.stored import StoredRun
from support.launches import launch_inline
from support.small import small

REGIME = [{"epochs": 1}]
STUDY = {
    "kind": "study",
    "schema_version": 1,
    "name": "tied",
    "description": "A control first, then one source.",
    "base": "small.yaml",
    "repeats": 3,
    "arms": {"none": ["repeat"], "init": ["init"]},
}

INIT = ["0", *(f"split0-init{number}-order0-augment0" for number in (1, 2))]
"""Labels of the seeds of the arm in which something varies."""


@pytest.fixture(scope="module", params=[1, 2], ids=["one launch", "two launches"])
def database(tmp_path_factory: pytest.TempPathFactory, empty_database: Path, request: pytest.FixtureRequest) -> Path:
    """A store in which the study ran first, then two seeds of its base."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        base = small(folder, regime=REGIME)
        (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
        both = [load_experiment(folder / "study.yaml"), base]
        for loaded in [both] if request.param == 1 else [[one] for one in both]:
            assert launch_inline(Store(f"sqlite:///{folder}/mlflow.db"), loaded, Options(jobs=2), Silent()).complete
    return folder / "mlflow.db"


@pytest.fixture
def store(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(database.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return Store()


def group_of(store: Store, name: str) -> StoredRun:
    (group,) = find_runs(store, kind=tags.KIND_GROUP, definition=name)
    return group


def test_a_group_has_the_runs_of_its_own_seeds_everywhere(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    group = group_of(store, "small")
    runs = find_runs(store, group_key=group.group_key)
    assert len([run for run in runs if not run.is_group]) == 6
    mine = [run for run in runs if not run.is_group and run.seeds_label in ("0", "1")]
    assert group.metrics["seeds/n"] == 2
    assert group.metrics["test/accuracy/last"] == pytest.approx(
        mean(run.metrics["test/accuracy/last"] for run in mine), abs=1e-6
    )
    (row,) = (row for row in overthinking_rows(runs) if row.group == "small: base")
    assert set(row.run_ids) == {run.run_id for run in mine}
    assert diff(group.run_id, mine[0].run_id, as_json=True) == 0
    assert set(json.loads(capsys.readouterr().out)["first"]["runs"]) == set(row.run_ids)
    assert "base · small (n = 2)" in [
        section.heading for section in report_on(store, "small", runs, None, "overthink run small").sections
    ]
    list(analyse(store, [run for run in runs if not run.is_group], [group]))
    assert "base · small (n = 2)" in store.artifact(group.run_id, tags.ANALYSIS_PAGE, tmp_path).read_text()


def test_a_study_speaks_with_the_arm_that_varies(store: Store, tmp_path: Path) -> None:
    group = group_of(store, "tied")
    arm = [run for run in find_runs(store, kind=tags.KIND_RUN) if run.seeds_label in INIT]
    last = [run.metrics["test/accuracy/last"] for run in arm]
    assert group.metrics["seeds/n"] == 3
    assert group.metrics["test/accuracy/last"] == pytest.approx(mean(last), abs=1e-6)
    assert group.metrics["seeds_std/test/accuracy/last"] == pytest.approx(stdev(last), abs=1e-6)
    assert stdev(last) > 0
    assert "n = 3 finished runs of arm init (seeds [0](" in group.note
    assert "Held fixed, so not covered by the intervals: one split, one order and one augmentation." in group.note
    assert "arm" not in group_of(store, "small").note
    list(analyse(store, find_runs(store, kind=tags.KIND_RUN), [group]))
    for page in (tags.ANALYSIS_PAGE, "figures.html"):
        assert "base · tied / init (n = 3)" in store.artifact(group.run_id, page, tmp_path / "page").read_text()


def test_diff_shows_the_arm_that_varies(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The control stands first in the definition; a study of controls alone shows the first of them."""
    group = group_of(store, "tied")
    arm = {run.run_id for run in find_runs(store, kind=tags.KIND_RUN) if run.seeds_label in INIT}
    assert diff(group.run_id, group_of(store, "small").run_id, as_json=True) == 0
    first = json.loads(capsys.readouterr().out)["first"]
    assert set(first["runs"]) == arm
    assert first["name"] == "base · tied / init"
    controls = json.dumps({"none": joined(seeds.label for seeds in group.arms["none"])})
    store.client.set_tag(group.run_id, tags.ARMS, controls)
    assert diff(group.run_id, group_of(store, "small").run_id, as_json=True) == 0
    first = json.loads(capsys.readouterr().out)["first"]
    assert (first["name"], len(first["runs"])) == ("base · tied / none", 3)
    assert {len(values) for values in first["values"].values()} == {1}, "three equal runs are one observation"
