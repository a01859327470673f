"""Values of one run as typed ones, with a note of each that cannot be read: whatever a run holds, a listing goes on.

Tags, parameters and metrics are not trusted: any account of a server can edit those of every run, and a database can be
edited with any program, whatever types its columns declare.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from overthink.metrics.naming import by_exit
from overthink.store import tags
from overthink.untrusted import LONGEST_NAME, name_of, parse_json, reason

T = TypeVar("T")
LONGEST_TAG = 20_000
"""Characters; MLflow keeps 8000."""
SENTENCES = (tags.MESSAGE, tags.CHANGES)
LONGEST_SENTENCE = 1000
LONGEST_PARAM = 6000
"""Characters that MLflow keeps."""
MOST_VALUES = 10_000
"""Metrics of one run, and parameters."""
LARGEST_METRIC = 1e100
"""Squares of it are numbers, too. Infinity, which MLflow writes as 1.8e308, is more."""
LAST_MS = 9_000_000_000_000
"""Unix time in milliseconds, in the year 2255: the last that pandas has."""
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""OverflowError: JSON has whole numbers that no float is."""


class RunValues:
    """Reads the values of one run, and notes what is wrong with them."""

    def __init__(self, run_tags: Mapping[str, Any]) -> None:
        self._tags = run_tags
        self.problems: list[str] = []
        """A clause each."""

    def text(self, tag: str) -> str:
        """Return a tag that is a text of one line; an empty text where there is none."""
        return name_of(self._kept(tag), LONGEST_SENTENCE if tag in SENTENCES else LONGEST_NAME)

    def paragraphs(self, tag: str) -> str:
        """Return a tag that is a text of several lines, which no terminal is shown."""
        return self._kept(tag)

    def words(self, tag: str) -> tuple[str, ...]:
        """Return the words of a tag."""
        return tuple(map(name_of, self._kept(tag).split()))

    def per_exit(self, tag: str, section: str) -> dict[str, float]:
        """Return the numbers of a tag as metrics of exits 1, 2, ...; none where one is no number."""
        try:
            found = by_exit(section, map(float, self._kept(tag).split()))
        except ValueError:
            self.problems.append(f"tag {tag}: it is no list of numbers")
            return {}
        return self.metrics(found)

    def json(self, tag: str, read: Callable[[Any], T]) -> T | None:
        """Return what `read` makes of a tag's JSON; None where there is none, or where it cannot be read."""
        text = self._kept(tag)
        try:
            return read(parse_json(text, LONGEST_TAG)) if text else None
        except UNREADABLE as error:
            self.problems.append(f"tag {tag}: {_form(error)}")
            return None

    def _kept(self, tag: str) -> str:
        text = self._tags.get(tag, "")
        if isinstance(text, str) and len(text) <= LONGEST_TAG:
            return text
        self.problems.append(f"tag {tag}: it is {'no text' if not isinstance(text, str) else 'too long'}")
        return ""

    def moment(self, name: str, value: Any) -> int:
        """Return a Unix time in milliseconds; 0 where it is none."""
        if isinstance(value, int) and abs(value) <= LAST_MS:
            return value
        self.problems.append(f"its {name} is {name_of(repr(value))[:40]}")
        return 0

    def name(self, what: str, value: Any) -> str:
        """Return a name of one line; an empty one where it is no text."""
        if isinstance(value, str):
            return name_of(value)
        self.problems.append(f"its {what} is no text")
        return ""

    def metrics(self, values: Mapping[Any, Any]) -> dict[str, float]:
        """Return the metrics that are numbers a metric can be: finite, and rates from 0 to 1."""
        found = {}
        for name, value in self._few("metrics", values):
            if _is_metric(name, value):
                found[str(name)] = float(value)
            elif not str(name).startswith("epochs/"):  # a training may diverge
                self.problems.append(f"metric {name_of(str(name))[:60]} is {name_of(repr(value))[:40]}")
        return found

    def params(self, values: Mapping[Any, Any]) -> dict[str, str]:
        """Return the parameters, those that are texts."""
        found = {name_of(str(name)): value for name, value in self._few("parameters", values)}
        return {name: name_of(value, LONGEST_PARAM) for name, value in found.items() if isinstance(value, str)}

    def _few(self, what: str, values: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
        if len(values) > MOST_VALUES:
            self.problems.append(f"it has {len(values):,} {what}, more than {MOST_VALUES:,}")
            return []
        return list(values.items())


def _is_metric(name: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    split, _, rate = str(name).partition("/")
    return 0 <= value <= 1 if split in ("val", "test") and rate in tags.RATES else abs(value) <= LARGEST_METRIC


def _form(error: Exception) -> str:
    """Return what is wrong with a tag: errors of Python's own about types say nothing to a person."""
    return reason(error) if type(error) is ValueError else "it has another form than overthink writes"
