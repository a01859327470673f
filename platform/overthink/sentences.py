"""Text for people and stores, of a length that can be read, whatever values and names of files it quotes."""

from collections.abc import Sequence

LONGEST_SENTENCE = 500
LONGEST_VALUE = 80
"""Characters; what is longer is cut in its middle."""


def cut(text: str, longest: int = LONGEST_SENTENCE) -> str:
    """Return a text without its middle where it is too long: a path and a reason stand at its ends.

    >>> cut("a" * 500 + "b" * 500, 16)
    'aaaaaaa ... bbbb'
    """
    if len(text) <= longest:
        return text
    end = longest // 4
    return f"{text[: longest - end - 5]} ... {text[len(text) - end :]}"


def number_of(count: int, noun: str) -> str:
    """Return `1 run`, `2 runs`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def about(seconds: float) -> str:
    """Return seconds, rounded, in a unit that fits.

    >>> about(0.2), about(89), about(720), about(9000)
    ('1 s', '89 s', '12 min', '2.5 h')
    """
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def utf_8(text: str) -> str:
    r"""Return text with `?` for each byte of a file's name that is not UTF-8: databases and JSON hold none.

    >>> utf_8("caf\udce9")
    'caf?'
    """
    return text.encode("utf-8", "replace").decode()


def check_utf_8(option: str, text: str) -> None:
    """Raise ValueError, naming the option, where its text has bytes that are not UTF-8: no store and no file has it."""
    if text != utf_8(text):
        raise ValueError(f"{option} {utf_8(text)}: not UTF-8 in this locale; if it is UTF-8, set PYTHONUTF8=1")


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names as one text: `a, b and c`; of many the first ones, and how many more there are.

    >>> listed(["a", "b", "c"]), listed(list("abcdefgh"), most=2)
    ('a, b and c', 'a, b and 6 more')
    """
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def raised(what: str, error: Exception) -> str:
    """Return that a person's own code raised an error, on one line."""
    return f"{what} raised {type(error).__name__}: {cut(' '.join(str(error).split()), 200)}"


def check_one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raise ValueError for a value of an argument that is none of those allowed."""
    if value not in allowed:
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(allowed)}")
