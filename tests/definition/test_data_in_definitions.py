"""Data sets in definitions: their standard augmentation, run keys, and validation samples of their own."""

from pathlib import Path
from typing import Any

import pytest

from overthink.data import svhn
from overthink.data.augment import AugmentSpec
from overthink.data.catalogue import load_dataset
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import GroupDefinition, parse_run
from overthink.running.run_data import splits_of
from overthink.seeds import Seeds
from support.small import small

MMM: dict[str, Any] = {"kind": "max-min-mnist", "digits": "embedded", "train": 400, "test": 40, "shrink": 2}
CIFAR: dict[str, Any] = {"kind": "cifar-100"}
SEEDS = Seeds(split=1, init=1, order=1, augment=1)


def group(folder: Path, dataset: dict[str, Any], augment: Any = None) -> GroupDefinition:
    return small(folder, dataset=dataset, augment=augment).groups[0].definition


def test_left_out_is_the_standard_and_braces_are_none(tmp_path: Path) -> None:
    assert group(tmp_path, CIFAR).augmentation == AugmentSpec(pad=4, flip=True)
    assert group(tmp_path, CIFAR, {}).augmentation == AugmentSpec()
    assert group(tmp_path, CIFAR, {"pad": 2}).augmentation == AugmentSpec(pad=2)
    assert group(tmp_path, MMM).augmentation == AugmentSpec()


def test_the_standard_written_out_is_the_same_run(tmp_path: Path) -> None:
    assert group(tmp_path, CIFAR).key == group(tmp_path, CIFAR, {"pad": 4, "flip": True}).key
    assert group(tmp_path, CIFAR).key != group(tmp_path, CIFAR, {}).key
    assert group(tmp_path, MMM).key == group(tmp_path, MMM, {}).key
    assert group(tmp_path, MMM).key != group(tmp_path, MMM, {"pad": 1}).key


def test_a_run_stored_before_there_was_a_standard_keeps_its_key(tmp_path: Path) -> None:
    run = group(tmp_path, MMM).with_seeds(SEEDS)
    text = run.model_dump_json().replace('"augment":null', '"augment":{"pad":0,"flip":false}')
    assert text != run.model_dump_json()
    assert parse_run(text, "store").key == run.key


@pytest.mark.parametrize(
    "dataset, said",
    [
        ({"kind": "cifar-100", "lables": "fine"}, "dataset.lables: unknown key 'lables'; did you mean 'labels'?"),
        ({"kind": "cifar-100", "subset": {"train": 150}}, "multiple of the 100 classes, got 150"),
        ({"kind": "svhn", "subset": {"train": 150}}, "set supplement: false"),
        ({"kind": "folder", "path": "x", "size": 32}, "dataset.classes: this key is required"),
        ({"kind": "cifar"}, "cifar-100"),
        ({"kind": "npz", "path": "x", "shape": [1, 28], "classes": 10}, "dataset.shape"),
        (
            {"kind": "npz", "path": "x", "shape": [32, 32, 3], "classes": 10},
            "dataset.shape: [32, 32, 3] is 32 channels",
        ),
        ({"kind": "npz", "path": "x", "shape": [28, 28, 1], "classes": 10}, "28x28 pixels write [1, 28, 28]"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, dataset: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        group(tmp_path, dataset)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_validation_takes_the_supplement_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from support.data_files import svhn as svhn_files

    monkeypatch.setattr(svhn, "SUPPLEMENT", 15)
    run = group(tmp_path, {"kind": "svhn", "verify": False}).with_seeds(SEEDS)
    dataset = load_dataset(run.dataset, svhn_files(tmp_path / "data"))
    parts = splits_of(dataset, run)
    assert {name: len(part.labels_N) for name, part in parts.items()} == {"train": 16, "val": 4 + 15, "test": 25}
    assert len({*parts["train"].ids_N, *parts["val"].ids_N}) == 16 + 19
    assert dataset.validation is not None
    assert (parts["val"].images_NKHW[4:] == dataset.validation.images_NKHW).all()


def test_a_stored_run_with_a_shape_that_is_refused_now_is_readable(tmp_path: Path) -> None:
    dataset = {"kind": "npz", "path": "x", "shape": [3, 32, 32], "classes": 10}
    text = group(tmp_path, dataset).with_seeds(SEEDS).model_dump_json().replace("[3,32,32]", "[32,32,3]")
    text = text.replace('"scales":3', '"scales":2')
    assert parse_run(text, "store").dataset.input_shape == (32, 32, 3)
