from pathlib import Path

import pytest

from overthink.data.own import NpzSpec
from overthink.data.shape import check_channels_first


@pytest.mark.parametrize(
    "shape", [(16, 16, 3), (16, 16, 1), (32, 32, 4), (28, 32, 1), (32, 24, 3), (5, 5, 3), (3, 3, 1), (64, 64, 3)]
)
def test_channels_last(shape: tuple[int, int, int]) -> None:
    height, width, channels = shape
    with pytest.raises(ValueError, match=rf"shape: .* write \[{channels}, {height}, {width}\]"):
        check_channels_first(shape)
    with pytest.raises(ValueError, match="since shape is"):
        NpzSpec(kind="npz", path="mine.npz", shape=shape, classes=2).load(Path())


@pytest.mark.parametrize(
    "shape", [(3, 16, 16), (1, 28, 28), (4, 32, 24), (64, 1, 100), (16, 16, 16), (3, 3, 3), (3, 16, 4), (16, 8, 8)]
)
def test_channels_first(shape: tuple[int, int, int]) -> None:
    check_channels_first(shape)
