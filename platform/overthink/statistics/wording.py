"""Numbers with their intervals in sentences."""

from math import inf

from overthink.statistics.jackknife import Interval

NOT_DETERMINED = " [not determined]"
"""Instead of an interval as wide as all that its number can be."""


def percent(found: Interval, most: float = 1, digits: int = 1) -> str:
    """Return a fraction as text in percent, with its interval, cut at 0 and `most`: `12.3% [11.0, 13.6]`."""
    found, form = found.cut(most), f".{digits}f"
    return f"{100 * found.value:{form}}%{_ends(found, form, 100, most)}"


def points(found: Interval, signed: bool = True) -> str:
    """Return a difference of fractions as text in percentage points: `-2.1 points [-2.6, -1.6]`."""
    form = "+.1f" if signed else ".1f"
    return f"{100 * found.value:{form}} points{_ends(found, form, 100, span=2)}"


def times(found: Interval) -> str:
    """Return a ratio as text, with its interval, cut at 0: `1.80 times [1.60, 2.00]`."""
    found = found.cut(inf)
    return f"{found.value:.2f} times{_ends(found, '.2f', 1)}"


def at_most(found: Interval) -> str:
    """Return the upper end of a share that was never seen: ` (95%: at most 0.12%)`; nothing without an interval."""
    return "" if found.high is None else f" (95%: at most {100 * found.high:.2g}%)"


def ends(found: Interval, form: str, span: float = inf) -> str:
    """Return a number, which ranges over `span`, and its interval: `1.80 [1.60, 2.00]`."""
    return f"{found.value:{form}}{_ends(found, form, 1, span)}"


def _ends(found: Interval, form: str, factor: float, span: float = inf) -> str:
    if found.low is None or found.high is None:
        return ""
    if found.high - found.low >= span:
        return NOT_DETERMINED
    return f" [{factor * found.low:{form}}, {factor * found.high:{form}}]"
