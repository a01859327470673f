"""Max-Min MNIST is what its description says, checked image by image."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from overthink.data import max_min_mnist
from overthink.data.dataset import Dataset
from overthink.data.digits import SIDE, Digits, load_digits
from overthink.data.max_min_mnist import DIGITS_OF_LEVEL, LEVELS, MaxMinMnistSpec, Scenes, draw_scenes


def spec(**changes: Any) -> MaxMinMnistSpec:
    base: dict[str, Any] = {"kind": "max-min-mnist", "digits": "embedded", "train": 400, "test": 80}
    return MaxMinMnistSpec(**base | changes)


def scenes(count: int = 800, size: int = 64, seed: int = 0) -> Scenes:
    return draw_scenes(count, load_digits("embedded", "train"), size, np.random.default_rng(seed))


def test_labels_are_balanced_and_levels_stand_2_1_1() -> None:
    drawn = scenes()
    for label in range(10):
        levels = drawn.levels_N[drawn.labels_N == label]
        assert np.bincount(levels, minlength=3).tolist() == [40, 20, 20]


def test_the_label_is_the_digit_or_largest_minus_smallest() -> None:
    digits, drawn = load_digits("embedded", "train"), scenes()
    for rows, label, level in zip(drawn.rows_ND, drawn.labels_N, drawn.levels_N, strict=True):
        shown = [int(digits.labels_N[row]) for row in rows if row >= 0]
        assert len(shown) == DIGITS_OF_LEVEL[level]
        assert label == (shown[0] if level == 0 else max(shown) - min(shown))


@pytest.mark.parametrize("size", [52, 64, 100])
def test_digits_lie_inside_and_never_overlap(size: int) -> None:
    drawn = scenes(size=size)
    for rows, corners in zip(drawn.rows_ND, drawn.corners_ND2, strict=True):
        covered = np.zeros((size, size), dtype=int)
        for top, left in corners[rows >= 0]:
            assert 0 <= top <= size - SIDE
            assert 0 <= left <= size - SIDE
            covered[top : top + SIDE, left : left + SIDE] += 1
        assert covered.max() == 1


def test_places_are_uniform_for_a_single_digit() -> None:
    drawn = scenes(8000)
    tops = drawn.corners_ND2[drawn.levels_N == 0, 0, 0]
    counts = np.bincount(tops, minlength=45)
    assert counts.sum() == 4000
    # chi-squared with 44 degrees of freedom: 99.9% below 78.7
    assert ((counts - 4000 / 45) ** 2 / (4000 / 45)).sum() < 78.7


def test_images_show_their_digits_and_nothing_else() -> None:
    dataset, digits = spec().load(None), load_digits("embedded", "train")
    drawn = draw_scenes(400, digits, 64, np.random.default_rng(np.random.SeedSequence(0, spawn_key=(0,))))
    for n in (0, 17, 399):
        expected = np.zeros((64, 64), dtype=np.uint8)
        for row, (top, left) in zip(drawn.rows_ND[n], drawn.corners_ND2[n], strict=True):
            if row >= 0:
                expected[top : top + SIDE, left : left + SIDE] = digits.images_NHW[row]
        assert (dataset.train.images_NKHW[n, 0] == expected).all()


def test_test_images_are_made_of_test_digits() -> None:
    """Each easy test image is one of the test digits, pixel for pixel."""
    dataset = spec().load(None)
    tests = {image.tobytes() for image in load_digits("embedded", "test").images_NHW}
    for image in dataset.test.images_NKHW[dataset.test.levels_N == 0, 0]:
        inked = np.argwhere(image)
        found = any(
            image[top : top + SIDE, left : left + SIDE].tobytes() in tests
            for top in range(max(0, inked[:, 0].max() - SIDE + 1), min(45, inked[:, 0].min() + 1))
            for left in range(max(0, inked[:, 1].max() - SIDE + 1), min(45, inked[:, 1].min() + 1))
        )
        assert found


def test_shrinking_takes_rounded_means_and_depth_keeps_every_pixel() -> None:
    whole, small, deep = (spec(**changes).load(None) for changes in ({}, {"shrink": 2}, {"space_to_depth": 2}))
    image = whole.train.images_NKHW[:, 0].astype(float)
    means = image.reshape(400, 32, 2, 32, 2).mean(axis=(2, 4))
    assert (small.train.images_NKHW[:, 0] == np.floor(means + 0.5)).all()
    unshuffled = torch.nn.functional.pixel_unshuffle(torch.from_numpy(whole.train.images_NKHW), 2).numpy()
    assert (deep.train.images_NKHW == unshuffled).all()
    assert deep.image_shape == spec(space_to_depth=2).input_shape == (4, 32, 32)


def test_shrinking_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A digit of 20x20 ones covers 10x10 squares, or 11 a side where its corner is odd.

    Squares that it half covers have mean 0.5, which becomes 1; those at its corners have mean 0.25, which becomes 0.
    """
    ones = Digits(np.ones((10, SIDE, SIDE), dtype=np.uint8), np.arange(10), np.arange(10))
    monkeypatch.setattr(max_min_mnist, "load_digits", lambda *_: ones)
    part = spec(shrink=2).load(None).train
    inked = {int(image.sum()) for image in part.images_NKHW[part.levels_N == 0]}
    assert inked == {10 * 10, 11 * 10, 11 * 11 - 4}


def test_the_seed_and_nothing_else_decides() -> None:
    one, two, other = (spec(seed=seed).load(None) for seed in (0, 0, 1))
    assert one.digest == two.digest != other.digest
    assert (one.train.ids_N == np.arange(400)).all()
    assert one.levels == LEVELS


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"train": 401}, "train must be a multiple of 40"),
        ({"test": 0}, "greater than or equal to 40"),
        ({"size": 40}, "greater than or equal to 52"),
        ({"size": 66, "shrink": 4}, "size 66 is no multiple"),
        ({"shrink": 3}, "shrink"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_data_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        spec(**changes)


def test_pixel_statistics_against_numpy() -> None:
    dataset: Dataset = spec(space_to_depth=2).load(None)
    pixels = dataset.train.images_NKHW / 255
    mean_K, std_K = dataset.pixel_statistics
    assert mean_K == pytest.approx(pixels.mean(axis=(0, 2, 3)), rel=1e-12)
    assert std_K == pytest.approx(pixels.std(axis=(0, 2, 3)), rel=1e-9)
