from pathlib import Path

import numpy as np
import pytest

from overthink.data import catalogue
from overthink.data.catalogue import ENTRIES, FETCHABLE, load_dataset
from overthink.data.digits import MNIST_FILES
from overthink.data.max_min_mnist import MaxMinMnistSpec

SMALL = MaxMinMnistSpec(kind="max-min-mnist", digits="embedded", train=40, test=40, space_to_depth=2)


def test_a_specification_knows_what_it_loads() -> None:
    dataset = load_dataset(SMALL)
    assert dataset.digest == SMALL.load().digest
    assert dataset.image_shape == SMALL.input_shape
    assert len(dataset.classes) == SMALL.n_classes
    assert set(np.unique(dataset.train.labels_N)) <= set(range(SMALL.n_classes))


def test_entries_are_complete() -> None:
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        assert entry.needs is None or entry.needs in FETCHABLE
        assert entry.description
        assert entry.licence
        if "mnist" in entry.name and entry.name != "fashion-mnist":
            assert "CC BY-SA 3.0" in entry.licence


def test_what_ships_is_here_and_what_does_not_is_not(tmp_path: Path) -> None:
    assert [entry.name for entry in ENTRIES if entry.example.is_here(tmp_path)] == ["max-min-mnist-embedded"]
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MNIST_FILES:
        assert len([entry for entry in ENTRIES if entry.example.is_here(tmp_path)]) == 1
        (raw / name).touch()
    here = [entry.name for entry in ENTRIES if entry.example.is_here(tmp_path)]
    assert here == ["max-min-mnist", "max-min-mnist-embedded", "mnist"]


def test_entries_load_or_say_what_is_missing(tmp_path: Path) -> None:
    for entry in catalogue.ENTRIES:
        if entry.name in ("folder", "npz"):
            with pytest.raises(ValueError, match=r"my-images.*no such"):
                load_dataset(entry.example, tmp_path)
        elif entry.needs is None:
            assert load_dataset(entry.example, tmp_path).image_shape == entry.example.input_shape
        else:
            with pytest.raises(ValueError, match=f"overthink data get {entry.needs}"):
                load_dataset(entry.example, tmp_path)
