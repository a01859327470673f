"""Frequency content of images, to compare the images that early and late exits get right (thesis appendix A).

One number per image, from its discrete cosine transform: the share of coefficients, in scan order, whose sum reaches
98% of the sum of all. Absolute values, or squares, are summed; or, as in the thesis, signed coefficients.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

Scan = Literal["rows", "zigzag"]
Coefficients = Literal["magnitude", "signed"]
CHUNK = 1000
TOTAL = 0.98


def scan_order(height: int, width: int, scan: Scan) -> IntArray:
    """Return the flat indices of coefficients, (height * width,), in the order of the scan.

    rows: row by row, as in the thesis. zigzag: along the diagonals, low frequencies first, as in JPEG.

    >>> scan_order(2, 2, "zigzag").tolist()
    [0, 1, 2, 3]
    """
    if scan == "rows":
        return np.arange(height * width)
    rows_P, columns_P = (places.ravel() for places in np.indices((height, width)))
    diagonal_P = rows_P + columns_P
    along_P = np.where(diagonal_P % 2, rows_P, columns_P)
    return np.lexsort((along_P, diagonal_P)).astype(np.int64)


def needed_share(
    images_NKHW: NDArray[np.uint8],
    scan: Scan = "rows",
    power: Literal[1, 2] = 1,
    total: float = TOTAL,
    coefficients: Coefficients = "magnitude",
) -> FloatArray:
    """Return the share of each image's coefficients whose sum reaches `total` of the sum of all, (N,), in [0, 1].

    Mean over channels, each transformed separately (type II, orthonormal; thesis eq. A.1 up to a factor). 0 for a black
    channel. `power` 1 sums absolute values, 2 squares.

    `coefficients` signed sums the coefficients as they are, as the thesis does (figures A.3 to A.5). They cancel, so
    the sum of the first ones may reach `total` of the sum of all, fall below it and reach it again; the first time
    counts. Raises ValueError for squares of signed coefficients.
    """
    if coefficients == "signed" and power != 1:
        raise ValueError("squares have no sign: signed coefficients are summed with power 1")
    order_P = scan_order(images_NKHW.shape[2], images_NKHW.shape[3], scan)
    parts = [
        _shares(images_NKHW[first : first + CHUNK], order_P, None if coefficients == "signed" else power, total)
        for first in range(0, len(images_NKHW), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def _shares(images_BKHW: NDArray[np.uint8], order_P: IntArray, power: int | None, total: float) -> FloatArray:
    from scipy.fft import dctn

    coefficients = dctn(images_BKHW.astype(np.float32), axes=(2, 3), norm="ortho")
    signed_BKP = coefficients.reshape(*images_BKHW.shape[:2], -1)[:, :, order_P].astype(np.float64)
    sums_BKP = (signed_BKP if power is None else np.abs(signed_BKP) ** power).cumsum(axis=2)
    all_BK1 = sums_BKP[:, :, -1:]
    reached_BKP = sums_BKP * np.sign(all_BK1) >= total * np.abs(all_BK1)
    needed_BK = np.where(all_BK1[:, :, 0] != 0, reached_BKP.argmax(axis=2) + 1, 0)
    shares_B: FloatArray = needed_BK.mean(axis=1) / len(order_P)
    return shares_B


class Spread(NamedTuple):
    """Mean and standard deviation of a number over a set of samples; None if the set is too small."""

    mean: float | None
    std: float | None
    n: int


class ByExit(NamedTuple):
    """Shares of coefficients (`needed_share`) by exit."""

    right_E: tuple[Spread, ...]
    """Of the samples that each exit gets right, as in the thesis; these sets overlap."""
    first_right_E: tuple[Spread, ...]
    """Of the samples that each exit is the first to get right; these sets are disjoint."""
    never_right: Spread
    """Of the samples that no exit gets right."""
    delta_E: tuple[float | None, ...]
    """Cliff's delta of each exit's first-right set against exit 1's."""
    p: float | None
    """p-value of the Kruskal-Wallis test that the first-right sets are equally distributed; None for fewer than two."""


def by_exit(share_N: FloatArray, correct_EN: BoolArray) -> ByExit:
    """Return the shares of coefficients of each exit's samples, with an effect size and a test across exits."""
    solved_N = correct_EN.any(axis=0)
    first_N = np.where(solved_N, correct_EN.argmax(axis=0), -1)
    exclusive = [share_N[first_N == row] for row in range(len(correct_EN))]
    return ByExit(
        right_E=tuple(spread(share_N[right_N]) for right_N in correct_EN),
        first_right_E=tuple(spread(values) for values in exclusive),
        never_right=spread(share_N[~solved_N]),
        delta_E=tuple(cliffs_delta(values, exclusive[0]) for values in exclusive),
        p=_p_alike([values for values in exclusive if len(values)]),
    )


def spread(values_M: FloatArray) -> Spread:
    """Return mean, standard deviation and number of values."""
    mean = float(values_M.mean()) if len(values_M) else None
    return Spread(mean, float(values_M.std(ddof=1)) if len(values_M) > 1 else None, len(values_M))


def cliffs_delta(values_M: FloatArray, others_L: FloatArray) -> float | None:
    """Return P(value > other) - P(value < other), in [-1, 1]; ties count as neither; None if a set is empty."""
    if not len(values_M) or not len(others_L):
        return None
    sorted_L = np.sort(others_L)
    below = np.searchsorted(sorted_L, values_M, side="left").sum()
    above = len(others_L) * len(values_M) - np.searchsorted(sorted_L, values_M, side="right").sum()
    return float((below - above) / (len(values_M) * len(others_L)))


def _p_alike(sets: list[FloatArray]) -> float | None:
    from scipy.stats import kruskal

    if len(sets) < 2 or len(np.unique(np.concatenate(sets))) < 2:
        return None
    return float(kruskal(*sets).pvalue)
