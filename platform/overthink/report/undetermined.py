"""Intervals that say nothing, such as 11 ± 136 percent of two runs: tables show `n.d.` instead."""

from collections.abc import Mapping, Sequence
from math import inf

from overthink.comparison.ranges import Range
from overthink.report.grids import Grid

ND = "n.d."
SENTENCE = "n.d.: not determined; so few runs have an interval as wide as all that the number can be."


def says_nothing(low: float, high: float, span: float = 1) -> bool:
    """Tell whether an interval is as wide as the range of its quantity: 1 for shares, 2 for differences of shares."""
    return high - low >= span


def ends(low: float, high: float, form: str = ".1f", span: float = 1) -> str:
    """Return the interval of a share, or of a difference of shares, in percent: `[62.0, 64.2]`, or `n.d.`."""
    return ND if says_nothing(low, high, span) else f"[{100 * low:{form}}, {100 * high:{form}}]"


def plain_ends(low: float, high: float, form: str, allowed: Range) -> str:
    """Return the same of a quantity in its own unit, with its range, where it has one."""
    lowest, highest = allowed
    span = inf if lowest is None or highest is None else highest - lowest
    return ND if says_nothing(low, high, span) else f"[{low:{form}}, {high:{form}}]"


def meanings_of(rows: Sequence[Sequence[str]], signs: Mapping[str, str]) -> list[str]:
    """Return what the signs mean that some cell has."""
    return [meaning for sign, meaning in signs.items() if any(sign in cell for row in rows for cell in row)]


def explained(grid: Grid) -> Grid:
    """Return a table whose caption says what `n.d.` means, if a cell or the caption itself has it."""
    said = meanings_of([*grid.rows, (grid.caption,)], {ND: SENTENCE})
    return grid._replace(caption=" ".join(filter(None, (grid.caption, *said))))
