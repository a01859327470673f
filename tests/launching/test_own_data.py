"""Runs on images of one's own: what a person should know of them is said; too few make no run; changes are noticed."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from overthink.definition.experiment import LoadedExperiment
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options
from overthink.running import run_data
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.command import invoke
from support.data_files import cifar_100, images
from support.engines import InlineEngine
from support.launches import Quiet, launch_inline
from support.small import small

NETWORK = {"kind": "msdnet", "blocks": 2, "scales": 2, "channels": 4, "growth": 2, "head_channels": 8}
SEED = {"regime": [{"epochs": 1, "batch_size": 8}], "seeds": [0], "network": NETWORK, "augment": None}


def own(folder: Path, **changes: Any) -> LoadedExperiment:
    data = {"kind": "folder", "path": str(folder / "mine"), "size": 8, "classes": 2}
    return small(folder, **{**SEED, "dataset": data, **changes})


def pictures(folder: Path, train: int = 6, test: int = 2) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        for name in ("cat", "dog"):
            place = folder / "mine" / part / name
            place.mkdir(parents=True)
            for n in range(count):
                Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(place / f"{n}.png")
    return folder / "mine"


def npz(folder: Path, seed: int = 0) -> dict[str, Any]:
    arrays: dict[str, Any] = {"x_train": images(12, 3, 8, 8, seed=seed), "x_test": images(4, 3, 8, 8, seed=seed + 1)}
    np.savez(folder / "mine.npz", **arrays, y_train=np.arange(12) % 2, y_test=np.arange(4) % 2)
    return {"kind": "npz", "path": str(folder / "mine.npz"), "shape": [3, 8, 8], "classes": 2}


def said(store: Store, experiment: LoadedExperiment, **options: Any) -> list[str]:
    """Launch; return the sentences that a person reads beside the events."""
    listener = Quiet()
    run_data._dataset.cache_clear()  # each launch has workers of its own
    launch_inline(store, [experiment], Options(**options, kernels="torch"), listener)
    return [body["message"] for body in listener.bodies if body["event"] == "noted"]


def exchange(mine: Path) -> None:
    for part in ("train", "test"):
        for old, new in (("cat", "t"), ("dog", "cat"), ("t", "dog")):
            (mine / part / old).rename(mine / part / new)


def test_labels_exchanged_after_a_run(tmp_path: Path, store: Store) -> None:
    mine = pictures(tmp_path)
    assert said(store, own(tmp_path)) == []
    assert said(store, own(tmp_path)) == []
    exchange(mine)
    (sentence,) = said(store, own(tmp_path))
    assert sentence.startswith("seed 0 · base · small: DIFFERENT DATA: finished on other data (SHA-256 ")
    assert sentence.endswith(f"folder: {mine}); --force trains again.")
    assert len(find_runs(store, kind=tags.KIND_RUN)) == 1, "nothing is trained without --force"
    dry = invoke(tmp_path, "run", str(tmp_path / "small.yaml"), "--dry-run")
    assert "DIFFERENT DATA" in dry.stderr
    assert said(store, own(tmp_path), force=True) == []
    assert said(store, own(tmp_path)) == []
    exchange(mine)
    assert len(said(store, own(tmp_path))) == 1


@pytest.mark.parametrize("change", ["pixels", "one more", "one less", "date alone", "gone", "damaged", "name alone"])
def test_what_counts_as_a_change(tmp_path: Path, store: Store, change: str) -> None:
    path = pictures(tmp_path) / "train" / "cat" / "0.png"
    said(store, own(tmp_path))
    match change:
        case "pixels":
            Image.new("RGB", (8, 8)).save(path)
        case "one more":
            Image.new("RGB", (8, 8)).save(path.with_name("9.png"))
        case "one less":
            path.unlink()
        case "date alone":
            os.utime(path, (1, 1))
        case "gone":
            (tmp_path / "mine").rename(tmp_path / "elsewhere")
        case "damaged":
            path.write_bytes(b"?")
        case "name alone":
            path.rename(path.with_name("00.png"))
    expected = {"date alone": [], "gone": [], "name alone": [], "damaged": ["cannot be read here any more"]}
    found = said(store, own(tmp_path))
    assert len(found) == len(expected.get(change, ["DIFFERENT DATA"]))
    assert all(
        words in sentence for words, sentence in zip(expected.get(change, ["DIFFERENT DATA"]), found, strict=True)
    )


def test_arrays_and_published_files_that_were_replaced(tmp_path: Path, store: Store) -> None:
    experiment = own(tmp_path, dataset=npz(tmp_path))
    assert said(store, experiment) == said(store, experiment) == []
    npz(tmp_path, seed=2)
    assert "DIFFERENT DATA" in said(store, experiment)[0]
    cifar_100(tmp_path)
    root = {"data_root": tmp_path}
    network = {**NETWORK, "scales": 1}
    published = own(tmp_path, dataset={"kind": "cifar-100", "verify": False}, network=network)
    assert not any("DIFFERENT DATA" in sentence for _ in "12" for sentence in said(store, published, **root))
    train, test = (tmp_path / "cifar-100-binary" / name for name in ("train.bin", "test.bin"))
    train.write_bytes(test.read_bytes())
    assert "DIFFERENT DATA" in said(store, published, **root)[0]


def test_a_sentence_names_the_seeds_of_a_group(tmp_path: Path, store: Store) -> None:
    mine = pictures(tmp_path)
    said(store, own(tmp_path, seeds=[0, 1, 2]))
    exchange(mine)
    (sentence,) = said(store, own(tmp_path, seeds=[0, 1, 2]))
    assert sentence.startswith("seed 0:3 · base · small: DIFFERENT DATA")


def test_what_is_left_out_is_said_once(tmp_path: Path, store: Store) -> None:
    mine = pictures(tmp_path)
    (mine / "train" / "cat" / "a.xyz").touch()
    found = said(store, own(tmp_path, seeds=[0, 1]))
    assert found == [f"seed 0 · base · small: left out of {mine}/train/cat: 1 file of kind .xyz."]


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_one_training_image_makes_no_run(tmp_path: Path, store: Store, kind: str) -> None:
    pictures(tmp_path, train=1, test=1)
    changes: dict[str, Any] = {"validation": 0.5}
    if kind == "npz":
        changes["dataset"] = npz(tmp_path) | {"subset": {"train": 2}}
    outcomes = launch(store, [own(tmp_path, **changes)], Options(), Quiet(), InlineEngine())
    (message,) = outcomes.messages.values()
    assert message == (
        "1 training image is left after the validation split (validation: 0.5), but at least 2 are needed: BatchNorm "
        "normalises over the images of a batch"
    )
    assert find_runs(store) == []


@pytest.mark.parametrize("train, validation, batch", [(2, 0.5, 2), (2, 0.25, 2), (3, 0.5, 2)])
def test_as_few_images_as_can_be(tmp_path: Path, store: Store, train: int, validation: float, batch: int) -> None:
    """Two or three training images, one validation image, a last batch of one: each is trained on."""
    pictures(tmp_path, train=train, test=1)
    regime = [{"epochs": 1, "batch_size": batch}]
    outcomes = launch_inline(store, [own(tmp_path, validation=validation, regime=regime)])
    assert outcomes.complete, outcomes.messages


def test_a_share_that_rounds_to_no_image_makes_no_run(tmp_path: Path, store: Store) -> None:
    pictures(tmp_path, train=2)
    outcomes = launch_inline(store, [own(tmp_path, validation=0.1)])
    assert list(outcomes.messages.values()) == ["validation: 0.1 of 4 training samples leaves one part empty"]
    assert find_runs(store) == []


def test_a_class_without_training_images_is_said(tmp_path: Path, store: Store) -> None:
    mine = pictures(tmp_path, train=4)
    for path in sorted((mine / "train" / "dog").iterdir())[1:]:
        path.unlink()
    found = [said(store, own(tmp_path, seeds=[seed], validation=0.6)) for seed in range(4)]
    assert any(
        "1 of 2 classes have none of the 2 training images that the validation split leaves: dog" in sentence
        for sentences in found
        for sentence in sentences
    )


def test_names_that_are_not_utf_8(tmp_path: Path, store: Store) -> None:
    mine = pictures(tmp_path)
    for part in ("train", "test"):
        os.rename(mine / part / "dog", os.fsencode(mine / part) + b"/ch\xeet")
    os.rename(mine / "train/cat/0.png", os.fsencode(mine / "train/cat") + b"/caf\xe9.png")
    assert launch_inline(store, [own(tmp_path)]).complete
