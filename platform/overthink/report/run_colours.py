"""The colours of runs in MLflow's table and charts: a hue a group, a lightness a seed."""

from zlib import crc32

HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Of things side by side, such as groups: distinct for colour-blind readers (Okabe & Ito 2008)."""
SHADES = (0.25, -0.25, 0.5, -0.45)
"""Of a group's seeds in turn: the part of white, or with a minus of black, in the group's hue."""
OF_RUNS = HUES[:5]
"""The last hue is too near to the first one where both are made lighter."""


def group_colour(place: int) -> str:
    """Return the colour of a group by its place among others, as MLflow keeps it; hues repeat after five groups.

    >>> group_colour(0), group_colour(6)
    ('#0072b2', '#d55e00')
    """
    return OF_RUNS[place % len(OF_RUNS)]


def run_colour(place: int, seeds: str) -> str:
    """Return the colour of a run by the place of its group and the label of its seeds: the group's hue, in a shade.

    >>> run_colour(0, "0"), run_colour(0, "1")
    ('#4095c5', '#005686')
    """
    number = int(seeds) if seeds.isascii() and seeds.isdecimal() else crc32(seeds.encode())
    shade, hue = SHADES[number % len(SHADES)], group_colour(place)
    towards = 255 if shade > 0 else 0
    parts = (int(hue[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(part + abs(shade) * (towards - part)):02x}" for part in parts)
