"""How Max-Min MNIST is drawn: read back from the pixels, and against the chances that its docstring promises."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from overthink.data import max_min_mnist
from overthink.data.dataset import Dataset, Split
from overthink.data.digits import SIDE, Digits, load_digits
from overthink.data.max_min_mnist import MaxMinMnistSpec, draw_scenes, from_depth

TELLING = {"train": 10, "test": 110}
"""Digit d of a part is drawn as a full box of the value TELLING[part] + d, so that pixels tell the digits."""


def spec(**changes: Any) -> MaxMinMnistSpec:
    return MaxMinMnistSpec.model_validate(
        {"kind": "max-min-mnist", "digits": "embedded", "train": 400, "test": 80} | changes
    )


def telling_digits(_source: str, part: str, _root: Path | None) -> Digits:
    labels = np.tile(np.arange(10), 3)
    images = np.broadcast_to((labels + TELLING[part]).astype(np.uint8)[:, None, None], (30, 20, 20))
    return Digits(images.copy(), labels, np.arange(30))


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr(max_min_mnist, "load_digits", telling_digits)
    return spec(train=2000, test=400).load(None)


def parts(dataset: Dataset) -> list[tuple[str, Split]]:
    return [("train", dataset.train), ("test", dataset.test)]


def test_defaults_are_the_thesis() -> None:
    thesis = MaxMinMnistSpec(kind="max-min-mnist")
    assert (thesis.digits, thesis.train, thesis.test, thesis.size) == ("mnist", 100_000, 18_000, 64)
    assert (thesis.input_shape, thesis.n_classes) == ((1, 64, 64), 10)


def test_labels_and_levels_are_balanced_exactly(telling: Dataset) -> None:
    assert telling.levels == ("easy", "medium", "hard")
    assert telling.classes == tuple("0123456789")
    for _, part in parts(telling):
        unit = len(part.labels_N) // 40
        for label, level in product(range(10), range(3)):
            assert ((part.labels_N == label) & (part.levels_N == level)).sum() == unit * (2, 1, 1)[level]
        assert part.ids_N.tolist() == list(range(40 * unit))
        assert part.labels_N.dtype == part.levels_N.dtype == part.ids_N.dtype == np.int64


def test_labels_follow_from_the_pixels_and_no_two_digits_overlap(telling: Dataset) -> None:
    for name, part in parts(telling):
        for image, label, level in zip(part.images_NKHW, part.labels_N, part.levels_N, strict=True):
            seen = image[image > 0].astype(int) - TELLING[name]
            assert len(seen) == 400 * (1, 2, 4)[level]  # whole boxes: nothing hidden, nothing cut by the border
            assert set(seen) <= set(range(10))  # of the part's own digits
            assert label == (seen[0] if level == 0 else seen.max() - seen.min())


def test_samples_come_in_random_order(telling: Dataset) -> None:
    for _, part in parts(telling):
        for array in (part.labels_N, part.levels_N):
            assert 0.4 < (np.diff(array) != 0).mean() < 0.95


@pytest.mark.parametrize("size", [52, 64, 100])
def test_digits_lie_inside_and_never_overlap(size: int) -> None:
    drawn = draw_scenes(800, telling_digits("embedded", "train", None), size, np.random.default_rng(0))
    for rows, corners in zip(drawn.rows_ND, drawn.corners_ND2, strict=True):
        covered = np.zeros((size, size), dtype=int)
        for top, left in corners[rows >= 0]:
            assert 0 <= top <= size - SIDE
            assert 0 <= left <= size - SIDE
            covered[top : top + SIDE, left : left + SIDE] += 1
        assert covered.max() == 1


def test_images_show_their_digits_and_nothing_else() -> None:
    dataset, digits = spec().load(None), load_digits("embedded", "train")
    drawn = draw_scenes(400, digits, 64, np.random.default_rng(np.random.SeedSequence(0, spawn_key=(0,))))
    for n in (0, 17, 399):
        expected = np.zeros((64, 64), dtype=np.uint8)
        for row, (top, left) in zip(drawn.rows_ND[n], drawn.corners_ND2[n], strict=True):
            if row >= 0:
                expected[top : top + SIDE, left : left + SIDE] = digits.images_NHW[row]
        assert (dataset.train.images_NKHW[n, 0] == expected).all()


def test_places_are_uniform_over_those_without_overlap() -> None:
    count, places = 8000, 33  # a plane of 52 has 33x33 corners
    scenes = draw_scenes(count, telling_digits("embedded", "train", None), 52, np.random.default_rng(0))
    tops_easy = scenes.corners_ND2[scenes.levels_N == 0, 0, 0]
    counts, each = np.bincount(tops_easy, minlength=places), len(tops_easy) / places
    assert_share(counts / len(tops_easy), np.full(places, 1 / places), len(tops_easy))
    assert ((counts - each) ** 2 / each).sum() < 62.5  # 99.9% of chi-squared with 32 degrees of freedom
    tops = scenes.corners_ND2[scenes.levels_N == 1, 0, 0]
    top, left, other_top, other_left = np.indices((places,) * 4, dtype=np.int8)
    apart = (np.abs(top - other_top) >= 20) | (np.abs(left - other_left) >= 20)
    assert_share(np.bincount(tops, minlength=places) / len(tops), apart.sum(axis=(1, 2, 3)) / apart.sum(), len(tops))


def assert_share(found: NDArray[np.float64], expected: NDArray[np.float64], count: int) -> None:
    """Check shares of a count of draws to five standard errors."""
    allowed = 5 * np.sqrt(expected * (1 - expected) / count)  # nothing where a share is 0 or 1
    assert (np.abs(found - expected) <= allowed).all()


def test_digits_are_uniform_among_tuples_by_hand() -> None:
    source = telling_digits("embedded", "train", None)
    scenes = draw_scenes(40 * 400, source, 64, np.random.default_rng(0))
    pairs = source.labels_N[scenes.rows_ND[(scenes.labels_N == 8) & (scenes.levels_N == 1)]][:, :2]
    found = [(pairs == pair).all(axis=1).mean() for pair in ((0, 8), (8, 0), (1, 9), (9, 1))]
    assert_share(np.array(found), np.full(4, 0.25), len(pairs))
    assert sum(found) == 1
    handwritten = np.bincount(scenes.rows_ND[scenes.levels_N == 0, 0], minlength=30)
    assert_share(handwritten / 8000, np.full(30, 1 / 30), 8000)


def test_hard_tuples_against_counting() -> None:
    source = telling_digits("embedded", "train", None)
    scenes = draw_scenes(40 * 400, source, 64, np.random.default_rng(1))
    for label in (1, 5, 9):
        fours = source.labels_N[scenes.rows_ND[(scenes.labels_N == label) & (scenes.levels_N == 2)]]
        fitting = [four for four in product(range(10), repeat=4) if max(four) - min(four) == label]
        expected = np.bincount([max(four) for four in fitting], minlength=10) / len(fitting)
        assert_share(np.bincount(fours.max(axis=1), minlength=10) / len(fours), expected, len(fours))
        assert len({tuple(four) for four in fours.tolist()} - set(fitting)) == 0


def test_the_same_spec_gives_the_same_data_and_every_field_counts() -> None:
    digests = [
        spec(**changes).load(None).digest
        for changes in ({}, {"seed": 1}, {"train": 440}, {"size": 56}, {"shrink": 2}, {"space_to_depth": 2})
    ]
    assert spec().load(None).digest == digests[0]
    assert len(set(digests)) == 6


def test_version_1_draws_what_it_always_drew() -> None:
    assert spec().load(None).digest == "97d51ce066c372a41e9fdf515db82776d04fe947004b6bdb4b119c4e53104468"


def test_train_and_test_are_independent() -> None:
    small, large = spec(test=40).load(None), spec(test=80, train=40).load(None)
    assert (spec(test=120).load(None).train.images_NKHW == small.train.images_NKHW).all()
    assert (spec(test=80).load(None).test.images_NKHW == large.test.images_NKHW).all()
    equal = spec(train=80, test=80).load(None)
    assert (equal.train.labels_N != equal.test.labels_N).any()


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spec().load(None).digest
    monkeypatch.setattr(max_min_mnist, "CHUNK", 7)
    assert spec().load(None).digest == whole


@pytest.mark.parametrize("factor", [2, 4])
def test_space_to_depth_is_torchs(factor: int) -> None:
    plain, deep = spec().load(None).test.images_NKHW, spec(space_to_depth=factor).load(None).test.images_NKHW
    assert deep.shape[1:] == spec(space_to_depth=factor).input_shape == (factor**2, 64 // factor, 64 // factor)
    assert (from_depth(deep, factor) == plain).all()
    assert deep.flags.c_contiguous
    assert (torch.from_numpy(deep) == torch.nn.functional.pixel_unshuffle(torch.from_numpy(plain), factor)).all()


@pytest.mark.parametrize("factor", [2, 4])
def test_shrinking_is_the_mean_and_a_half_rounds_up(factor: int) -> None:
    plain, small = spec().load(None).test.images_NKHW, spec(shrink=factor).load(None).test.images_NKHW
    assert small.shape[1:] == spec(shrink=factor).input_shape == (1, 64 // factor, 64 // factor)
    squares = plain.reshape(80, 1, 64 // factor, factor, 64 // factor, factor)
    assert (small == np.floor(squares.mean(axis=(3, 5)) + 0.5)).all()


def test_shrinking_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A digit of 20x20 ones covers 10x10 squares, or 11 a side where its corner is odd.

    Squares that it half covers have mean 0.5, which becomes 1; those at its corners have mean 0.25, which becomes 0.
    """
    ones = Digits(np.ones((10, SIDE, SIDE), dtype=np.uint8), np.arange(10), np.arange(10))
    monkeypatch.setattr(max_min_mnist, "load_digits", lambda *_: ones)
    part = spec(shrink=2).load(None).train
    inked = {int(image.sum()) for image in part.images_NKHW[part.levels_N == 0]}
    assert inked == {10 * 10, 11 * 10, 11 * 11 - 4}


def test_shrinking_comes_before_depth() -> None:
    both, small = spec(shrink=2, space_to_depth=2).load(None), spec(shrink=2).load(None)
    assert both.image_shape == spec(shrink=2, space_to_depth=2).input_shape == (4, 16, 16)
    unshuffled = torch.nn.functional.pixel_unshuffle(torch.from_numpy(small.train.images_NKHW), 2)
    assert (torch.from_numpy(both.train.images_NKHW) == unshuffled).all()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"train": 0}, "train must be a multiple of 40, .*levels 2:1:1.*, got 0"),
        ({"train": -40}, "train must be a multiple of 40, .* got -40"),
        ({"test": 0}, "greater than or equal to 40"),
        ({"test": 50}, "test must be a multiple of 40, .* got 50"),
        ({"train": 40.0}, "valid integer"),
        ({"size": 51}, "greater than or equal to 52"),
        ({"size": 54, "shrink": 4}, r"size 54 is no multiple of shrink \* space_to_depth = 4"),
        ({"size": 56, "shrink": 4, "space_to_depth": 4}, "size 56 is no multiple .* = 16"),
        ({"shrink": 3}, "1, 2 or 4"),
        ({"space_to_depth": 8}, "1, 2 or 4"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"version": 2}, "Input should be 1"),
        ({"digits": "svhn"}, "'mnist' or 'embedded'"),
        ({"levels": 3}, "Extra inputs"),
    ],
)
def test_specs_that_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        spec(**changes)


def test_kind_has_to_be_said() -> None:
    with pytest.raises(ValidationError, match="kind"):
        MaxMinMnistSpec.model_validate({"train": 40})
