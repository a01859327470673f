"""The page: a Jinja template with references for numbers, and sentences that hold only while intervals support them.

    The last exit is right for {{ "table > rows > 12-plain > estimates > test/accuracy/last" | percent }}.
    {% call claim(below("table > rows > 24-plain > differences > test/accuracy/last")) %}
    It is less accurate.
    {% endcall %}

Blanks at the beginning of a line before `{% %}` and the end of such a line are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from findings.errors import FindingsError
from findings.references import Number
from overthink.report.study_table import interval
from overthink.statistics.jackknife import Interval

NumberOf = Callable[[str], Number]
ID = 8
"""Characters of a run id on the page."""


def rendered(template: str, number_of: NumberOf, parts: Mapping[str, Any]) -> str:
    """Return the page of a template.

    Args:
        template: Its text; `parts` are further names in it.
        number_of: Reference -> number.
        parts: Name -> what it stands for.

    Raises:
        FindingsError: A reference leads nowhere, or a number does not support a sentence.
    """
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters |= _filters(number_of)
    environment.globals |= {**_conditions(number_of), "claim": claim, **parts}
    try:
        return environment.from_string(template).render()
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise FindingsError(f"the template{f', line {line}' if line else ''}: {error.message}") from None


def claim(supported: bool, caller: Callable[[], str]) -> str:
    """Return a sentence. Raises FindingsError where what it says is not supported."""
    sentence = caller()
    if not supported:
        raise FindingsError(f"the store does not support this sentence: {' '.join(sentence.split())}")
    return sentence


def _filters(number_of: NumberOf) -> dict[str, Callable[..., str]]:
    def cell(reference: str, digits: int = 1) -> str:
        """`19.2 [18.4, 20.0]`, of a fraction in percent."""
        return interval(_interval(number_of(reference)), 100, digits)

    def percent(reference: str, digits: int = 1) -> str:
        """`19.2% [18.4, 20.0]`."""
        value, _, ends = cell(reference, digits).partition(" ")
        return f"{value}% {ends}".rstrip()

    def signed(reference: str, digits: int = 1) -> str:
        """`-8.6 [-13.0, -4.2]`, of a difference of fractions."""
        return interval(_interval(number_of(reference)), 100, digits, signed=True)

    def points(reference: str, digits: int = 1) -> str:
        """`-8.6 points [-13.0, -4.2]`."""
        value, _, ends = signed(reference, digits).partition(" ")
        return f"{value} points {ends}".rstrip()

    def plain(reference: str, digits: int = 2) -> str:
        """`0.77 [0.71, 0.80]`."""
        return interval(_interval(number_of(reference)), 1, digits)

    def n(reference: str) -> str:
        return str(number_of(reference).n)

    def runs(reference: str) -> str:
        return short(number_of(reference).runs)

    filters = {"cell": cell, "percent": percent, "signed": signed, "points": points, "plain": plain, "n": n}
    return {**filters, "runs": runs, "short": short}


def short(run_ids: Sequence[str]) -> str:
    """Return the beginnings of run ids."""
    return " ".join(run_id[:ID] for run_id in run_ids)


def _interval(found: Number) -> Interval:
    return Interval(found.value, found.low, found.high)


def _conditions(number_of: NumberOf) -> dict[str, Callable[..., bool | str]]:
    def above(reference: str, than: float = 0.0) -> bool:
        """Whether the whole interval is above a value."""
        low = number_of(reference).low
        return low is not None and low > than

    def below(reference: str, than: float = 0.0) -> bool:
        high = number_of(reference).high
        return high is not None and high < than

    def undecided(reference: str, than: float = 0.0) -> bool:
        """Whether the interval includes a value; a number without one decides nothing either."""
        return not above(reference, than) and not below(reference, than)

    def apart(lower: str, higher: str) -> bool:
        """Whether one interval ends below the beginning of the other one."""
        low = number_of(higher).low
        return low is not None and below(lower, low)

    def at_most(reference: str, most: float) -> bool:
        """Whether a number without an interval, such as a p, is not above a value."""
        return number_of(reference).value <= most

    def either(reference: str, lower: str, higher: str, otherwise: str) -> str:
        """Return the words that the interval of a difference supports."""
        return lower if below(reference) else higher if above(reference) else otherwise

    return {
        "above": above,
        "below": below,
        "undecided": undecided,
        "apart": apart,
        "at_most": at_most,
        "either": either,
    }
