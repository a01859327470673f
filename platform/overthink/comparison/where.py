"""Conditions on runs as people write them: `network.growth=8 and (seed=0 or test/accuracy/last >= 0.6)`.

A condition compares a name with a value; `and` binds closer than `or`. Text that is no condition raises ValueError with
a sentence; nothing of it is ever executed.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

Value = str | float | None
"""What a run has under a name; None where it has nothing."""
Get = Callable[[str], Value]

ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
OPERATORS = ("=", "!=", *ORDER)
WORDS = ("and", "or")
DEEPEST = 50
"""Parentheses within parentheses."""
EXAMPLE = "network.growth=8 and test/accuracy/last>=0.6"
_TOKEN = re.compile(
    r"""(?P<operator><=|>=|!=|[=<>])|(?P<bracket>[()])|(?P<text>"[^"]*"|'[^']*')|(?P<word>[^\s()=!<>'"]+)"""
)


@dataclass(frozen=True)
class Comparison:
    """A name compared with a value."""

    name: str
    operator: str
    value: str

    def comparisons(self) -> "Iterator[Comparison]":
        """Yield itself."""
        yield self

    def meets(self, get: Get) -> bool:
        """Tell whether a run meets it; one that has nothing under the name does not."""
        found = get(self.name)
        if found is None:
            return False
        number, wanted = as_number(found), as_number(self.value)
        both = number is not None and wanted is not None
        if self.operator in ORDER:
            if number is not None and wanted is not None:
                return bool(ORDER[self.operator](number, wanted))
            return isinstance(found, str) and number is None and bool(ORDER[self.operator](found, self.value))
        equal = number == wanted if both else str(found) == self.value
        return equal == (self.operator == "=")


@dataclass(frozen=True)
class Joined:
    """Several conditions, of which all are to be met (`and`), or one (`or`)."""

    word: str
    parts: tuple["Condition", ...]

    def comparisons(self) -> Iterator[Comparison]:
        """Yield those of all parts."""
        for part in self.parts:
            yield from part.comparisons()

    def meets(self, get: Get) -> bool:
        """Tell whether a run meets it."""
        met = (part.meets(get) for part in self.parts)
        return all(met) if self.word == "and" else any(met)


Condition = Comparison | Joined


def parse(text: str) -> Condition:
    """Return the condition that a text is; raises ValueError with what is wrong, and where.

    >>> parse("seed<'0 1'")
    Comparison(name='seed', operator='<', value='0 1')
    """
    reader = _Reader(text)
    found = reader.any_of(0)
    if reader.token.kind != "end":
        raise reader.error("and, or, or the end")
    return found


def as_number(value: str | float) -> float | None:
    """Return a value as a number; None where it is none, as nan is none."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


class _Token(NamedTuple):
    kind: str
    """operator, bracket, text, word, or end."""
    text: str

    def is_word(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word


class _Reader:
    """Reads a condition from its tokens, of which it looks at one at a time."""

    def __init__(self, text: str) -> None:
        self._text, self._place, self._start = text, 0, 0
        self.token = self._read()

    def any_of(self, depth: int) -> Condition:
        """Read conditions between which there is `or`."""
        return self._joined("or", lambda: self._joined("and", lambda: self._one(depth)))

    def error(self, expected: str) -> ValueError:
        """Return what is wrong at the token."""
        is_open = self.token.kind == "unknown" and self.token.text[0] in "'\""
        got = f"{self.token.text}, with a quote that is not closed" if is_open else self.token.text or "nothing"
        where = f" after {self._text[: self._start].strip()!r}" if self._text[: self._start].strip() else ""
        return ValueError(f"expected {expected}{where}, got {got} (example: {EXAMPLE})")

    def _joined(self, word: str, read: Callable[[], Condition]) -> Condition:
        parts = [read()]
        while self.token.is_word(word):
            self._next()
            parts.append(read())
        return Joined(word, tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self, depth: int) -> Condition:
        if self.token != ("bracket", "("):
            name, compared = self._operand("a name"), self.token
            if compared.kind != "operator":
                raise self.error(f"one of {' '.join(OPERATORS)}")
            self._next()
            return Comparison(name, compared.text, self._operand("a value"))
        if depth == DEEPEST:
            raise ValueError(f"more than {DEEPEST} parentheses in one another")
        self._next()
        inner = self.any_of(depth + 1)
        if self.token != ("bracket", ")"):
            raise self.error("and, or, or )")
        self._next()
        return inner

    def _operand(self, what: str) -> str:
        token = self.token
        if token.kind not in ("word", "text") or any(map(token.is_word, WORDS)):
            raise self.error(what)
        self._next()
        return token.text[1:-1] if token.kind == "text" else token.text

    def _next(self) -> None:
        self.token = self._read()

    def _read(self) -> _Token:
        while self._text[self._place : self._place + 1].isspace():
            self._place += 1
        self._start = self._place
        if self._place == len(self._text):
            return _Token("end", "")
        found = _TOKEN.match(self._text, self._place)
        if found is None:  # a quote that does not end, or a ! alone
            return _Token("unknown", self._text[self._place :])
        self._place = found.end()
        return _Token(found.lastgroup or "", found[0])
