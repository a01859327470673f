import numpy as np
import pytest

from overthink.data.dataset import Split
from overthink.data.subset import SubsetSpec, draw_subset
from support.data_files import images


def split(labels: list[int], levels: list[int] | None = None) -> Split:
    rows = np.arange(len(labels))
    return Split(images(len(rows), 1, 2, 2), np.array(labels), np.array(levels or [0] * len(labels)), rows + 70)


def test_balanced_seeded_and_in_order() -> None:
    train, test = split([0, 1, 2] * 20), split([2, 1, 0] * 10)
    drawn, rest = draw_subset(train, test, SubsetSpec(train=15, seed=3))
    assert np.bincount(drawn.labels_N).tolist() == [5, 5, 5]
    assert (np.diff(drawn.ids_N) > 0).all()
    assert (drawn.images_NKHW == train.images_NKHW[drawn.ids_N - 70]).all()
    assert rest is test
    again, _ = draw_subset(train, test, SubsetSpec(train=15, test=3, seed=3))
    other, _ = draw_subset(train, test, SubsetSpec(train=15, seed=4))
    assert again.ids_N.tolist() == drawn.ids_N.tolist()
    assert other.ids_N.tolist() != drawn.ids_N.tolist()


def test_all_of_a_class_by_hand() -> None:
    _, test = draw_subset(split([0, 1]), split([1, 0, 0, 1]), SubsetSpec(test=4))
    assert test.ids_N.tolist() == [70, 71, 72, 73]


def test_levels_are_balanced_too() -> None:
    train = split([0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0, 0, 1, 1])
    drawn, _ = draw_subset(train, train, SubsetSpec(train=8))
    assert np.unique(drawn.labels_N * 2 + drawn.levels_N, return_counts=True)[1].tolist() == [2, 2, 2, 2]
    with pytest.raises(ValueError, match="the 4 classes and levels, got 6"):
        draw_subset(train, train, SubsetSpec(train=6))


def test_too_many_and_unbalanced() -> None:
    with pytest.raises(ValueError, match=r"subset.test: 6 takes 3 samples .* the smallest has 2"):
        draw_subset(split([0, 1]), split([0, 0, 0, 1, 1]), SubsetSpec(test=6))
    with pytest.raises(ValueError, match=r"subset.train must be a multiple of the 10 classes, got 15"):
        SubsetSpec(train=15).check(10)
    assert draw_subset(split([0]), split([0]), None)[0].ids_N.tolist() == [70]
