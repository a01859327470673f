import numpy as np
import pytest
from numpy.typing import NDArray

from overthink.inference.frequency import by_exit, cliffs_delta, needed_share, scan_order, spread
from overthink.predictions.arrays import BoolArray, FloatArray


def test_zigzag_by_hand() -> None:
    """The order of a JPEG block's first ten coefficients, as its standard draws it, and of all in 3 by 3."""
    assert scan_order(8, 8, "zigzag")[:10].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert scan_order(3, 3, "zigzag").tolist() == [0, 1, 3, 6, 4, 2, 5, 7, 8]
    assert scan_order(2, 3, "rows").tolist() == list(range(6))


def test_every_place_is_taken_once() -> None:
    for height, width in [(1, 1), (1, 5), (4, 3), (7, 8)]:
        assert sorted(scan_order(height, width, "zigzag")) == list(range(height * width))


def constant(value: int, size: int = 4) -> NDArray[np.uint8]:
    return np.full((1, 1, size, size), value, dtype=np.uint8)


def test_an_image_of_one_grey_takes_one_coefficient_and_black_none() -> None:
    assert needed_share(constant(90)).tolist() == [1 / 16]
    assert needed_share(constant(0)).tolist() == [0]
    assert needed_share(np.concatenate([constant(90), constant(0)], axis=1)).tolist() == [0.5 / 16]


def transformed(image_HW: FloatArray) -> FloatArray:
    """The orthonormal transform of type II as its definition's four sums (thesis eq. A.1 up to a factor)."""
    height, width = image_HW.shape
    found = np.zeros((height, width))
    for u in range(height):
        for v in range(width):
            factor = np.sqrt((1 if u == 0 else 2) / height) * np.sqrt((1 if v == 0 else 2) / width)
            for y in range(height):
                for x in range(width):
                    waves = np.cos(np.pi * (2 * y + 1) * u / (2 * height)) * np.cos(
                        np.pi * (2 * x + 1) * v / (2 * width)
                    )
                    found[u, v] += factor * image_HW[y, x] * waves
    return found


@pytest.mark.parametrize("scan", ["rows", "zigzag"])
@pytest.mark.parametrize("power, coefficients", [(1, "magnitude"), (2, "magnitude"), (1, "signed")])
@pytest.mark.parametrize("total", [0.9, 0.98])
def test_against_brute_force(scan: str, power: int, coefficients: str, total: float) -> None:
    images_NKHW = np.random.default_rng(0).integers(0, 256, (6, 2, 5, 4), dtype=np.uint8)
    expected = []
    for image_KHW in images_NKHW:
        needed = []
        for channel_HW in image_KHW:
            flat = transformed(channel_HW.astype(float)).ravel()[scan_order(5, 4, scan)]  # type: ignore[arg-type]
            if coefficients == "magnitude":
                flat = np.abs(flat) ** power
            taken = 1
            while flat[:taken].sum() / flat.sum() < total:
                taken += 1
            needed.append(taken / 20)
        expected.append(sum(needed) / 2)
    found = needed_share(images_NKHW, scan, power, total, coefficients)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected)
    assert len(set(expected)) > 1


def image_of(*rows: list[int]) -> NDArray[np.uint8]:
    return np.array(rows, dtype=np.uint8)[None, None]


def test_signed_coefficients_cancel_by_hand() -> None:
    """Coefficients 202.5, -52.5, 152.5, -102.5: of their sum, 200, the first is 101%, the first two are 75%.

    Of their magnitudes, 510, the first three are 80%.
    """
    image = image_of([100, 255], [50, 0])
    assert needed_share(image, coefficients="signed").tolist() == [1 / 4]
    assert needed_share(image).tolist() == [1]


def test_a_negative_sum_is_reached_from_above() -> None:
    """Coefficients 57.7, 0, -81.6: 98% of their sum, -23.9, is not reached before the last."""
    image = image_of([0, 100, 0])
    assert needed_share(image, coefficients="signed").tolist() == [1]
    assert needed_share(np.zeros_like(image), coefficients="signed").tolist() == [0]


def test_squares_have_no_sign() -> None:
    with pytest.raises(ValueError, match="squares have no sign"):
        needed_share(constant(90), power=2, coefficients="signed")


def test_noise_takes_more_than_a_slope() -> None:
    slope = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (16, 1))
    noise = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    smooth, rough = needed_share(np.stack([slope, noise])[:, None], "zigzag")
    assert smooth < 0.8 * rough


def test_no_image() -> None:
    assert needed_share(np.empty((0, 3, 8, 8), dtype=np.uint8)).tolist() == []


CORRECT_EN: BoolArray = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 1, 0]], dtype=bool)
SHARE_N = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


def test_by_exit_by_hand() -> None:
    """Exit 1 has samples 1 and 2, exit 2 samples 1, 3 and 4, of which 3 and 4 are its own; nobody has 5."""
    found = by_exit(SHARE_N, CORRECT_EN)
    assert [entry.n for entry in found.right_E] == [2, 3]
    assert [entry.mean for entry in found.right_E] == pytest.approx([0.2, 1.3 / 3])
    assert found.right_E[0].std == pytest.approx(np.sqrt(0.02))
    assert [entry.n for entry in found.first_right_E] == [2, 2]
    assert [entry.mean for entry in found.first_right_E] == pytest.approx([0.2, 0.6])
    assert (found.never_right.n, found.never_right.mean, found.never_right.std) == (1, 0.9, None)
    assert found.delta_E == (0.0, 1.0)
    # H = 12 / (4 * 5) * (3 * 3 / 2 + 7 * 7 / 2) - 3 * 5 = 2.4, one degree of freedom
    assert found.p == pytest.approx(0.12134, abs=1e-5)


def test_cliffs_delta_against_all_pairs() -> None:
    random = np.random.default_rng(1)
    values, others = random.integers(0, 6, 40) / 6, random.integers(1, 8, 30) / 6
    pairs = [np.sign(value - other) for value in values for other in others]
    assert cliffs_delta(values, others) == pytest.approx(np.mean(pairs))
    assert cliffs_delta(np.array([]), others) is None


def test_too_few_samples_are_told_not_guessed() -> None:
    nothing = by_exit(SHARE_N, np.zeros((3, 5), dtype=bool))
    assert nothing.p is None
    assert nothing.delta_E == (None, None, None)
    assert nothing.right_E[0] == (None, None, 0)
    alike = by_exit(np.full(5, 0.5), CORRECT_EN)
    assert alike.p is None
    assert by_exit(SHARE_N[:1], CORRECT_EN[:1, :1]).first_right_E[0] == spread(SHARE_N[:1]) == (0.1, None, 1)
