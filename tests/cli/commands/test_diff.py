import json
from pathlib import Path
from typing import Any

import pytest

from overthink.cli.commands.diff import diff
from overthink.definition.errors import DefinitionError
from overthink.definition.flat import differing, flat
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from support.small import small


def test_flat_by_hand() -> None:
    value = {
        "network": {"growth": 4, "scales": [1, 2]},
        "regime": [{"epochs": 3}, {"epochs": 5}],
        "none": None,
        "o": {},
    }
    expected = {"network.growth": "4", "network.scales": "[1, 2]", "regime.0.epochs": "3", "regime.1.epochs": "5"}
    assert flat(value) == expected | {"none": "null", "o": "{}"}


def test_differing_by_hand() -> None:
    found = differing({"same": "1", "other": "2", "gone": "3"}, {"same": "1", "other": "4", "new": "5"})
    assert [tuple(place) for place in found] == [("other", "2", "4"), ("gone", "3", None), ("new", None, "5")]


@pytest.fixture
def ids(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Two groups of two seeds: twice the growth, another torch, and each seed 0.1 better."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")  # MLflow keeps engines by their URI
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    return {
        **stored("narrow", small(tmp_path), "2.0", (0.5, 0.6)),
        **stored("wide", small(tmp_path, network={"kind": "msdnet", "blocks": 3, "growth": 4}), "3.0", (0.6, 0.7)),
    }


def stored(name: str, loaded: Any, torch: str, accuracies: tuple[float, float]) -> dict[str, str]:
    store, group = Store(), loaded.groups[0]
    writer, ids = Writer(store), {}
    experiment = store.experiment("small", "note")
    common = {tags.GROUP_KEY: group.definition.key, tags.DEFINITION: "small", tags.VARIANT: name}
    parent = writer.create(experiment, f"small: {name}", {**common, tags.KIND: tags.KIND_GROUP, tags.SEEDS: "0:2"}, {})
    writer.close(parent, tags.FINISHED)
    ids[name] = parent
    for run, accuracy in zip(group.runs, accuracies, strict=True):
        label = run.seeds.label
        own = {**common, tags.KIND: tags.KIND_RUN, tags.SEEDS: label, tags.RUN_KEY: f"{name}{label}"}
        made = writer.create(experiment, f"small: {name} seed {label}", own, {})
        writer.text(made, tags.DEFINITION_FILE, run.model_dump(mode="json"))
        writer.text(made, tags.PROVENANCE_FILE, {"versions": {"torch": torch}, "argv": ["not", "compared"]})
        writer.log(made, {"test/accuracy/last": accuracy}, 0)
        writer.close(made, tags.FINISHED)
        ids[f"{name} {label}"] = made
    return ids


def asked(first: str, second: str, capsys: pytest.CaptureFixture[str]) -> Any:
    assert diff(first, second, as_json=True) == 0
    return json.loads(capsys.readouterr().out)


def test_two_groups(ids: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = asked("small: narrow", ids["wide"][:10], capsys)
    paths = {place["path"]: (place["first"], place["second"]) for place in found["definition"]}
    assert paths["network.growth"] == ("2", "4")
    assert not any(path.startswith("seeds") for path in paths)
    assert found["made_with"] == [{"path": "versions.torch", "first": "2.0", "second": "3.0"}]
    assert found["second_minus_first"]["test/accuracy/last"]["mean"] == pytest.approx(0.1)
    assert found["second"]["runs"] == [ids["wide 0"], ids["wide 1"]]


def test_two_seeds_of_one_group(ids: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(ids["narrow 0"], "small: narrow seed 1", capsys)
    assert {place["path"] for place in found["definition"]} == {
        f"seeds.{s}" for s in ("split", "init", "order", "augment")
    }
    assert found["made_with"] == []
    assert found["second_minus_first"] == {}  # no seed in common
    diff(ids["narrow 0"], ids["narrow 1"], as_json=False)
    said = capsys.readouterr().out
    assert "Δ +10.00" in said
    assert "No difference in provenance." in said
    assert "no seed in common" in said


def test_names_do_not_steer_the_terminal(ids: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Store().client.set_tag(ids["wide"], "mlflow.runName", "\x1b]0;owned\x07")
    assert diff(ids["narrow"], ids["wide"], as_json=False) == 0
    said = capsys.readouterr().out
    assert "B: ?]0;owned?" in said
    assert "\x1b" not in said


def test_other_data_are_told(ids: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    writer = Writer(Store())
    for name, digest in (("narrow 0", 64 * "a"), ("narrow 1", 64 * "b")):
        writer.dataset(ids[name], "max-min-mnist", digest, {})
    assert asked(ids["narrow 0"], ids["narrow 1"], capsys)["made_with"] == [
        {"path": "data", "first": 36 * "a", "second": 36 * "b"}
    ]


def test_who_is_meant(ids: dict[str, str]) -> None:
    with pytest.raises(DefinitionError, match="no run, group or definition 'nobody' in this store; there are 'small: "):
        diff("nobody", ids["wide"], as_json=False)
    assert diff("narrow", "wide", as_json=False) == 0  # a variant's name is enough


def test_seeds_of_other_data_are_no_pairs(ids: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """As `compare` says: a paired test supposes the same data."""
    writer = Writer(Store())
    for name, run_id in ids.items():
        if " " in name:
            writer.dataset(run_id, "max-min-mnist", 64 * ("a" if name.startswith("narrow") else "b"), {})
    found = asked("small: narrow", "small: wide", capsys)
    assert (found["second_minus_first"], found["why_no_pairs"]) == ({}, "other data")
    assert diff(ids["narrow"], ids["wide"], as_json=False) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Δ +10.00" in said
    assert "other data" in said
    assert "paired t-test" not in said


def test_a_seed_that_only_one_of_the_two_has_is_named(ids: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Writer(Store()).close(ids["wide 1"], tags.FAILED)
    found = asked("small: narrow", "small: wide", capsys)
    assert (found["why_no_pairs"], found["unpaired_seeds"]) == ("", ["1"])
    assert diff(ids["narrow"], ids["wide"], as_json=False) == 0
    assert "Only one of the two has seed 1 on the same data." in " ".join(capsys.readouterr().out.split())
