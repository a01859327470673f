"""The order of an image's axes in a definition."""

from overthink.sentences import number_of

FEW = (1, 3, 4)
"""Channels of pictures: grey, colour, colour and transparency."""


def check_channels_first(shape: tuple[int, int, int]) -> None:
    """Raise ValueError for a shape that was meant as (H, W, K), such as (32, 32, 3).

    That is one of 1, 3 or 4 columns, with more channels than a picture has, or with as many channels as rows.
    """
    channels, height, width = shape
    if width in FEW and width != channels and (channels > max(FEW) or channels == height):
        raise ValueError(
            f"shape: {list(shape)} is {channels} channels of {height}x{width} pixels, since shape is (K, H, W); "
            f"for {number_of(width, 'channel')} of {channels}x{height} pixels write "
            f"{[width, channels, height]}, whichever order the arrays have"
        )
