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


def utf_8(text: str) -> str:
    r"""Return text with `?` for each byte of a file's name that is not UTF-8: databases and JSON hold none.

    >>> utf_8("caf\udce9")
    'caf?'
    """
    return text.encode("utf-8", "replace").decode()


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names as one text: `a, b and c`; of many the first ones, and how many more there are.

    >>> listed(["a", "b", "c"]), listed(list("abcdefgh"), most=2)
    ('a, b and c', 'a, b and 6 more')
    """
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
