"""Runs that start from weights of another program: their keys, the files that they refuse, evaluation alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.networks.weights_spec import WeightsSpec
from overthink.predictions.predictions import Predictions
from overthink.running.events import Finished
from overthink.running.run import train
from overthink.training.checkpoint import NAME
from overthink.training.epoch_record import EpochRecord
from support.command import invoke
from support.small import definition, small


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDefinition, Path]:
    """A run, and the folder with its predictions; `w.safetensors` there has its weights alone."""
    folder = tmp_path_factory.mktemp("trained")
    run = small(folder, regime=[{"epochs": 1}]).groups[0].runs[0]
    list(train(run, folder, "cpu"))
    held = load_file(folder / NAME)
    own = {key.removeprefix("network/"): value for key, value in held.items() if key.startswith("network/")}
    save_file(own, folder / "w.safetensors")
    return run, folder


def test_weights_are_evaluated_as_they_are(trained: tuple[RunDefinition, Path], tmp_path: Path) -> None:
    _, folder = trained
    run = small(tmp_path, regime=[], weights={"file": str(folder / "w.safetensors")}).groups[0].runs[0]
    events = list(train(run, tmp_path, "cpu"))
    assert isinstance(events[-1], Finished)
    assert not any(isinstance(event, EpochRecord) for event in events)
    for split in ("val", "test"):
        one, other = (Predictions.read(place / f"{split}.parquet") for place in (folder, tmp_path))
        np.testing.assert_array_equal(one.max_softmax_EN, other.max_softmax_EN)
    again = {name: tensor for name, tensor in load_file(tmp_path / NAME).items() if name.startswith("network/")}
    assert all(torch.equal(tensor, load_file(folder / NAME)[name]) for name, tensor in again.items())
    assert isinstance(list(train(run, tmp_path, "cpu"))[-1], Finished)  # from its own checkpoint


def test_training_goes_on_from_weights_with_a_frozen_backbone(
    trained: tuple[RunDefinition, Path], tmp_path: Path
) -> None:
    _, folder = trained
    weights = {"file": str(folder / "w.safetensors")}
    run = small(tmp_path, regime=[{"epochs": 1, "freeze": "backbone"}], weights=weights).groups[0].runs[0]
    list(train(run, tmp_path, "cpu"))
    before, after = load_file(folder / "w.safetensors"), load_file(tmp_path / NAME)
    blocks = [name for name in before if name.startswith("blocks")]
    assert blocks
    assert all(torch.equal(before[name], after[f"network/{name}"]) for name in blocks)
    assert not torch.equal(before["exits.0.classify.weight"], after["network/exits.0.classify.weight"])


def test_the_key_has_the_content_and_not_the_place(trained: tuple[RunDefinition, Path], tmp_path: Path) -> None:
    run, folder = trained

    def key(**more: object) -> str:
        return small(tmp_path, regime=[{"epochs": 1}], **more).groups[0].runs[0].key

    assert key() == run.key
    one = key(weights={"file": str(folder / "w.safetensors")})
    (tmp_path / "moved.safetensors").write_bytes((folder / "w.safetensors").read_bytes())
    assert key(weights={"file": str(tmp_path / "moved.safetensors")}) == one != run.key
    sha256 = WeightsSpec(file=str(folder / "w.safetensors")).checked()
    assert key(weights={"file": "not-here.pt", "sha256": sha256}) == one
    changed = load_file(folder / "w.safetensors")
    changed["exits.0.classify.bias"] += 1
    save_file(changed, tmp_path / "moved.safetensors")
    assert key(weights={"file": str(tmp_path / "moved.safetensors")}) not in (one, run.key)
    stored = small(tmp_path, weights={"file": str(folder / "w.safetensors")}).groups[0].runs[0]
    assert parse_run(stored.model_dump_json(), "stored") == stored


def test_a_run_refuses_a_file_that_has_changed_since(trained: tuple[RunDefinition, Path], tmp_path: Path) -> None:
    _, folder = trained
    file = tmp_path / "w.safetensors"
    file.write_bytes((folder / "w.safetensors").read_bytes())
    run = small(tmp_path, regime=[], weights={"file": str(file)}).groups[0].runs[0]
    save_file({"x": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match="it is another file"):
        list(train(run, tmp_path, "cpu"))


def test_definitions_that_cannot_be_are_one_sentence(trained: tuple[RunDefinition, Path], tmp_path: Path) -> None:
    _, folder = trained
    there = str(folder / "w.safetensors")
    for changes, message in (
        ({"regime": []}, "regime: it has no phase"),
        ({"weights": {"file": "none.pt"}}, r"weights\.file: none\.pt cannot be read: No such file"),
        ({"weights": {"file": "w.bin"}}, r"weights\.file"),
        ({"weights": {"file": there, "sha256": "0" * 64}}, r"weights\.sha256: .*it is another file"),
        ({"weights": {"file": there, "names": {"blocks.": "x."}}}, r"weights\.file: .*it lacks \d+ weights blocks"),
        ({"weights": {"file": there, "nams": {}}}, "nams"),
        ({"weights": {"file": there, "names": "torchvision"}}, r"weights\.names"),
    ):
        with pytest.raises(DefinitionError, match=message) as caught:
            small(tmp_path, **changes)
        assert "\n" not in str(caught.value)


def test_a_run_without_training_is_in_the_store_like_any_other(
    trained: tuple[RunDefinition, Path], tmp_path: Path, empty_database: Path
) -> None:
    _, folder = trained
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    definition(tmp_path, regime=[], weights={"file": str(folder / "w.safetensors")}, seeds=1)
    done = invoke(tmp_path, "run", "small.yaml", "--json", OVERTHINK_STATE=str(tmp_path / "state"))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(invoke(tmp_path, "compare", "small.yaml", "--format", "json").stdout)["rows"]
    test = Predictions.read(folder / "test.parquet")
    assert row["estimates"]["test/accuracy/last"]["mean"] == test.correct_EN[-1].mean()
    assert row["regime"]["label"] == "no training"
    (run_id,) = row["run_ids"]
    for command in (("analyse", "small.yaml"), ("report", "small.yaml"), ("budget", run_id, "--mul-adds", "1e6")):
        assert (answer := invoke(tmp_path, *command)).returncode == 0, answer.stderr
    again = invoke(tmp_path, "run", "small.yaml", OVERTHINK_STATE=str(tmp_path / "state"))
    assert "No run to train" in again.stderr
