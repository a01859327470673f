"""Studies as the store has them."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overthink.cli.commands.figure import figure
from overthink.cli.commands.report import report
from overthink.cli.commands.study import study
from overthink.cli.exit_codes import SOME_FAILED
from overthink.definition.errors import DefinitionError
from overthink.metrics.overthinking import overthought
from overthink.predictions.arrays import BoolArray
from overthink.report import fork_lines
from overthink.report.studies import StudyError, often_and_never_overthought
from overthink.running.connectivity import Line
from overthink.running.exported import facts_of
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.writer import Writer
from overthink.study.design import arms_text, seeds_of_arms, sobol_arms
from overthink.study.fork_design import seeds_of_forks
from support.repeats import by_difficulty, predictions, tied
from support.small import small

ARMS = {"all": "0:4", "none": "0 0-repeat1"}


@pytest.fixture
def here(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")  # MLflow keeps engines by their URI
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    return tmp_path


def stored(
    folder: Path, correct: dict[str, BoolArray], name: str = "base", arms: str = json.dumps(ARMS)
) -> tuple[str, dict[str, str]]:
    """Store a study whose runs, by the labels of their seeds, are right about these; return ids."""
    store = Store()
    writer, experiment = Writer(store), store.experiment("my-study", "note")
    common = {tags.DEFINITION: "my-study", tags.VARIANT: name, tags.GROUP_KEY: f"g{name}", tags.ARMS: arms}
    group = writer.create(
        experiment, f"my-study: {name}", {**common, tags.KIND: tags.KIND_GROUP, tags.SEEDS: "0:4"}, {}
    )
    writer.close(group, tags.FINISHED)
    run = small(folder, dataset={"kind": "mnist"}).groups[0].runs[0]  # which is not here: no pictures
    ids = {}
    for label, correct_EN in correct.items():
        own = {**common, tags.KIND: tags.KIND_RUN, tags.SEEDS: label, tags.RUN_KEY: f"{name} {label}"}
        ids[label] = writer.create(experiment, f"my-study: {name} seed {label}", own, {})
        (one,) = predictions(correct_EN[None])
        one.write(folder / "test.parquet")
        writer.artifacts(ids[label], [folder / "test.parquet"], "predictions")
        writer.text(ids[label], tags.DEFINITION_FILE, run.model_dump(mode="json"))
        writer.text(ids[label], tags.PROVENANCE_FILE, {"versions": {"torch": "2"}})
        writer.close(ids[label], tags.FINISHED)
    return group, ids


def whole(same: bool = True) -> dict[str, BoolArray]:
    correct_REN = by_difficulty(5, 200)
    repeats = {str(number): correct_EN for number, correct_EN in enumerate(correct_REN[:4])}
    return repeats | {"0-repeat1": correct_REN[0 if same else 4]}


def asked(capsys: pytest.CaptureFixture[str], code: int = 0) -> Any:
    assert study("my-study", Path("nowhere"), as_json=True) == code
    (only,) = json.loads(capsys.readouterr().out)
    return only


def test_a_whole_study(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    correct = whole()
    group, ids = stored(here, correct)
    printed = asked(capsys)
    assert (printed["group"], printed["name"]) == (group, "my-study: base")
    assert printed["arms"]["all"]["runs"] == [ids[str(number)] for number in range(4)]
    assert printed["arms"]["none"]["same"]
    assert [one["disagreement"]["value"] for one in printed["arms"]["none"]["churn_E"]] == [0, 0, 0]
    rate = np.mean([overthought(correct[str(number)]).mean() for number in range(4)])
    assert printed["arms"]["all"]["any_later"]["rate"]["mean"]["value"] == pytest.approx(rate)
    assert "1,3" in printed["arms"]["all"]["coupling"]
    page = Store().artifact(group, tags.STUDY_PAGE, here / "page").read_text()
    assert "Is overthinking due to the randomness of training?" in page
    assert study("my-study", Path("nowhere")) == 0
    assert "minus across" in capsys.readouterr().out


def test_a_study_of_forks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Forks at epoch 4 are their trunks; those at 2 are as different as the trunks are."""
    arms = seeds_of_forks({"later": ("order", "augment")}, 2, 3, (2, 4))
    labels = list(dict.fromkeys(seeds.label for arm in arms.values() for seeds in arm))
    drawn = dict(zip(labels, by_difficulty(len(labels), 200), strict=True))
    correct = {label: drawn[label.partition("-")[0]] if "fork4" in label else drawn[label] for label in labels}
    group, ids = stored(here, correct, arms=arms_text(arms))
    printed = asked(capsys)
    assert printed["missing"] == 0
    assert printed["connectivity"] is None
    later = printed["forks"]["later"]
    assert (later["trunks"], later["sources"]) == (3, ["order", "augment"])
    first, last = later["epochs"]
    assert (first["epoch"], last["epoch"]) == (2, 4)
    never_seen = 1 - 0.025 ** (1 / 200)  # of 200 samples (Clopper & Pearson)
    assert last["any_later"]["differ"] == {"value": 0.0, "low": 0.0, "high": pytest.approx(never_seen)}
    assert last["any_later"]["decided"]["value"] == 1
    assert first["any_later"]["differ"]["value"] > 0.05
    assert printed["verdict"][-1].startswith("When is it decided which samples are overthought (any later)?")
    assert printed["source_shares"] is None  # no arm varies from the first epoch on
    assert [len(printed["arms"][name]["runs"]) for name in ("all", "later:2")] == [3, 2]
    page = Store().artifact(group, tags.STUDY_PAGE, here / "page").read_text()
    assert "When is it decided?" in page
    assert study("my-study", Path("nowhere")) == 0
    assert "independent" in capsys.readouterr().out
    assert figure("forks", ["my-study"], here / "forks.svg") == 0
    with (here / "forks.csv").open() as file:
        points = {(row["group"], row["epochs shared"]): float(row["mean"]) for row in csv.DictReader(file)}
    assert len(points) == 3 * 2
    for one in later["epochs"]:
        assert points["overthought, any later", f"{one['epoch']}.0"] == one["any_later"]["decided"]["value"]
    (trunk,) = [run for run in find_runs(Store(), kind=tags.KIND_RUN) if run.run_id == ids["0"]]
    assert facts_of(trunk).arms["later:4@2"] == "2 2-fork4-order1002-augment1002"


def test_lines_are_those_of_forks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(here, whole())
    with pytest.raises(ValueError, match=r"my-study: base: --connectivity needs a study with forks \(fork_at\)"):
        study("my-study", Path("nowhere"), connectivity=True)
    assert capsys.readouterr().out == ""


def test_a_group_without_forks_ends_no_other(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_PE = np.array([[1.0, 2.0], [1.5, 2.0]])
    line = Line((0.0, 1.0), ends_PE, ends_PE / 4)
    monkeypatch.setattr(fork_lines, "_lines", lambda *_: iter([line] * 3))
    stored(here, whole(), "one")
    arms = seeds_of_forks({"later": ("order", "augment")}, 2, 3, (2, 4))
    labels = list(dict.fromkeys(seeds.label for arm in arms.values() for seeds in arm))
    stored(here, dict(zip(labels, by_difficulty(len(labels), 200), strict=True)), "two", arms_text(arms))
    assert study("my-study", Path("nowhere"), connectivity=True, as_json=True) == SOME_FAILED
    printed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert "--connectivity needs a study with forks" in printed["my-study: one"]["problem"]
    assert printed["my-study: one"]["arms"]
    assert printed["my-study: two"]["problem"] is None
    assert [one["lines"] for one in printed["my-study: two"]["connectivity"]] == [3, 3, 3]


def test_a_study_of_several_base_points(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Arms are described around the first base point, and shares of sources are over all of them."""
    arms = seeds_of_arms(sobol_arms(("init", "order")), 2, base_points=3)
    labels = dict.fromkeys(seeds.label for arm in arms.values() for seeds in arm)
    correct = dict(zip(labels, by_difficulty(len(labels), 200), strict=True))
    group, _ = stored(here, correct, arms=arms_text(arms))
    printed = asked(capsys)
    assert list(printed["arms"]) == ["all", "init", "order"]
    assert [len(printed["arms"][name]["runs"]) for name in ("all", "init")] == [3, 2]
    assert (printed["source_shares"]["base_points"], printed["source_shares"]["networks"]) == (3, 9)
    share = printed["source_shares"]["any_later"]["per_sample"]["of"]["init"]
    assert share["total"]["low"] < share["total"]["value"] <= 1
    assert any(
        "Which samples are overthought (any later; 9 networks, 3 base points)" in one for one in printed["verdict"]
    )
    page = Store().artifact(group, tags.STUDY_PAGE, here / "page").read_text()
    assert "Sources of randomness" in page
    assert study("my-study", Path("nowhere")) == 0
    assert "interaction" in capsys.readouterr().out
    report(["my-study"], here / "report.html")
    assert "Sources of randomness" in (here / "report.html").read_text()


def test_a_group_that_varies_no_single_source_has_no_shares(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(here, whole())
    assert asked(capsys)["source_shares"] is None


def test_what_is_missing_is_counted(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    correct = whole()
    correct.pop("3")
    stored(here, correct)
    printed = asked(capsys, code=3)
    assert printed["arms"]["all"]["repeats"] == 3
    assert (printed["missing"], printed["problem"]) == (1, None)


def test_a_control_that_differs_stops_the_study(here: Path) -> None:
    stored(here, whole(same=False))
    with pytest.raises(
        StudyError, match=r"arm none repeats one run, and its networks differ on .*% of the test samples"
    ):
        study("my-study", Path("nowhere"), as_json=True)


def test_a_control_that_differs_stops_no_other_group(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(here, whole(same=False), "wrong")
    group, _ = stored(here, whole(), "right")
    assert study("my-study", Path("nowhere"), as_json=True) == 3
    printed = capsys.readouterr()
    wrong, right = json.loads(printed.out)
    assert (right["group"], right["problem"]) == (group, None)
    assert wrong["problem"].startswith("my-study: wrong: arm none repeats one run")
    assert (wrong["arms"], wrong["verdict"]) == ({}, [])
    assert "my-study: wrong: arm none repeats one run" in printed.err
    report(["my-study"], here / "report.html")
    text = (here / "report.html").read_text()
    assert "my-study: wrong: arm none repeats one run" in text
    assert "any-later overthinking" in text


def test_controls_alone_say_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    correct_EN = whole()["0"]
    group, _ = stored(here, {"0": correct_EN, "0-repeat1": correct_EN})
    assert study("my-study", Path("nowhere")) == 3
    assert "No verdict" in capsys.readouterr().out
    assert "No verdict" in Store().artifact(group, tags.STUDY_PAGE, here / "page").read_text()


def test_several_groups(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are one JSON document, and one of a single run does not keep the others from being shown."""
    begun, _ = stored(here, {"0": by_difficulty(1, 200)[0]}, "begun")
    groups = [stored(here, whole(), name)[0] for name in ("one", "two")]
    assert study("my-study", Path("nowhere"), as_json=True) == 3
    printed_groups = json.loads(capsys.readouterr().out)
    assert [one["group"] for one in printed_groups] == [begun, *groups]
    assert [one["problem"] for one in printed_groups] == ["no arm has two finished runs yet", None, None]
    assert study("my-study", Path("nowhere")) == 3
    printed = capsys.readouterr()
    assert "my-study: begun: no arm has two finished runs yet" in printed.err
    assert printed.out.count("minus across") == 2


def test_names_do_not_steer_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(here, whole(), "\x1b[31m")
    assert study("my-study", Path("nowhere")) == 0
    said = capsys.readouterr().out
    assert "my-study: ?[31m" in said
    assert "\x1b" not in said


def test_nothing_to_study(here: Path) -> None:
    with pytest.raises(DefinitionError, match="quickstart: no runs in the store"):
        study("quickstart", as_json=True)
    stored(here, {"0": by_difficulty(1, 20)[0]})
    with pytest.raises(ValueError, match="no arm has two finished runs yet"):
        study("my-study", Path("nowhere"), as_json=True)


def test_the_ends_list_nothing_that_is_not_so() -> None:
    """Nothing is overthought by tied exits; of two samples overthought, no third is listed."""
    often, _ = often_and_never_overthought(predictions(tied(2, 40)), 5)
    assert often.tolist() == []
    correct_REN = np.array([[[1, 1, 1], [0, 0, 1]], [[1, 0, 1], [0, 0, 1]]], dtype=bool)
    often, never = often_and_never_overthought(predictions(correct_REN), 3)
    assert (often.tolist(), never.tolist()) == ([0, 1], [])


def test_the_ends() -> None:
    """Over two trainings sample 0 is overthought twice, 1 once, 2 never but sometimes wrong; 3 is always right."""
    first, last = [[1, 1, 0, 1], [1, 0, 0, 1]], [[0, 0, 1, 1], [0, 1, 1, 1]]
    correct_REN = np.array([[first[0], last[0]], [first[1], last[1]]], dtype=bool)
    often, never = often_and_never_overthought(predictions(correct_REN), 2)
    assert (often.tolist(), never.tolist()) == ([0, 1], [2])
