import numpy as np
from numpy.typing import NDArray

from overthink.data.dataset import Dataset, Split
from overthink.data.picture import sample_grid


def dataset(images_NKHW: NDArray[np.uint8], labels: list[int], levels: list[int], names: tuple[str, ...]) -> Dataset:
    ids = np.arange(len(labels))
    test = Split(images_NKHW, np.array(labels), np.array(levels), ids)
    nothing = test.rows(ids[:0])
    return Dataset("some", nothing, test, ("zero", "one"), names, "0" * 64)


def plain(values: list[int], labels: list[int], levels: list[int], names: tuple[str, ...] = ()) -> Dataset:
    """Images of one value each, 48x48 and so shown at twice their size."""
    images = np.broadcast_to(np.array(values, dtype=np.uint8)[:, None, None, None], (len(values), 1, 48, 48))
    return dataset(images.copy(), labels, levels, names)


def cells(picture: NDArray[np.uint8], values: list[int]) -> list[tuple[int, int, int, int]]:
    """Top, left, height and width of the rectangle that each value fills (x of 96 pixels; letters are thinner)."""
    found = []
    for value in values:
        here = (picture == value).all(axis=2)
        rows, columns = np.flatnonzero(here.sum(axis=1) >= 96), np.flatnonzero(here.sum(axis=0) >= 96)
        found.append((int(rows[0]), int(columns[0]), len(rows), len(columns)))
    return found


def test_a_column_a_class_and_rows_a_level() -> None:
    shown = plain([11, 12, 13, 14, 15], [1, 0, 0, 1, 0], [0, 0, 1, 1, 0], ("easy", "hard"))
    picture = np.asarray(sample_grid(shown))
    one_easy, zero_easy, zero_hard, one_hard = cells(picture, [11, 12, 13, 14])
    assert all(cell[2:] == (96, 96) for cell in (one_easy, zero_easy, zero_hard, one_hard))
    assert zero_easy[0] == one_easy[0] < zero_hard[0] == one_hard[0]
    assert zero_easy[1] == zero_hard[1] < one_easy[1] == one_hard[1]
    assert not (picture == 15).all(axis=2).any()  # the second sample of its cell
    assert one_hard[0] + 96 < picture.shape[0]
    assert one_hard[1] + 96 < picture.shape[1]


def test_size_by_hand() -> None:
    one = sample_grid(plain([11, 12], [0, 1], [0, 0]))
    assert one.mode == "RGB"
    assert one.size == (32 + 96 + 4 + 96 + 16, 40 + 96 + 16)  # unnamed levels take no width
    two = sample_grid(plain([11, 12], [0, 1], [0, 1], ("", "")))
    assert two.size == (one.width, one.height + 4 + 14 + 96)


def test_more_samples_a_cell_stand_below_each_other() -> None:
    picture = np.asarray(sample_grid(plain([11, 12, 15], [0, 1, 0], [0, 0, 0], ("easy",)), per_cell=2))
    first, other, second = cells(picture, [11, 12, 15])
    assert first[1] == second[1] != other[1]
    assert second[0] > first[0] + 95
    assert first[0] == other[0]


def test_names_are_written_outside_of_the_cells() -> None:
    shown = plain([255, 255], [0, 1], [0, 0], ("easy",))  # as white as the paper: ink is all that is seen
    ink = np.asarray(sample_grid(shown)).min(axis=2) < 128
    left = np.flatnonzero(ink[40:].any(axis=0))
    assert len(left) > 0
    assert left.max() < 100
    assert ink[:40].any()
    unnamed = plain([255, 255], [0, 1], [0, 0])
    assert not (np.asarray(sample_grid(unnamed))[40:] < 128).any()


def test_few_classes_of_many_and_empty_cells() -> None:
    shown = plain([11, 12], [0, 1], [0, 0], ("easy", "hard"))
    both, one = sample_grid(shown), sample_grid(shown, most_classes=1)
    assert one.height == both.height
    assert one.width == both.width - 100
    assert not (np.asarray(one) == 12).all(axis=2).any()


def test_colour_and_mean_of_channels() -> None:
    colour = np.zeros((2, 3, 2, 2), dtype=np.uint8)
    colour[0] = np.array([200, 30, 90])[:, None, None]
    picture = np.asarray(sample_grid(dataset(colour, [0, 1], [0, 0], ())))
    assert (picture == [200, 30, 90]).all(axis=2).sum() == 96 * 96
    depth = np.zeros((2, 4, 2, 2), dtype=np.uint8)
    depth[0] = np.array([200, 0, 0, 40])[:, None, None]
    picture = np.asarray(sample_grid(dataset(depth, [0, 1], [0, 0], ())))
    assert (picture == 60).all(axis=2).sum() >= 96 * 96


def test_pixels_stay_square_and_in_place() -> None:
    image = np.arange(100, 100 + 50 * 50, dtype=np.uint16).astype(np.uint8).reshape(1, 1, 50, 50)
    shown = dataset(image, [0], [0], ())
    picture = np.asarray(sample_grid(shown, most_classes=1))[:, :, 0]
    enlarged = image[0, 0].repeat(2, axis=0).repeat(2, axis=1)
    left = picture.shape[1] - 16 - 100
    assert (picture[40:140, left : left + 100] == enlarged).all()


def test_the_same_data_give_the_same_picture() -> None:
    shown = plain([11, 12], [0, 1], [0, 0], ("easy",))
    assert sample_grid(shown).tobytes() == sample_grid(shown).tobytes()
