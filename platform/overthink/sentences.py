"""Sentences for people, of a length that can be read, whatever values they quote."""

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
