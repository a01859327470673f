"""Names of experiments whose runs come from predictions, and not from a definition."""

import re


def check_new_name(name: str, variant: str) -> None:
    """Raise ValueError where NAME or --variant is no name, or NAME is that of a definition."""
    from overthink.definition.errors import DefinitionError
    from overthink.definition.source import find

    for what, text in (("NAME", name), ("--variant", variant)):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
            raise ValueError(f"{what} {text!r}: expected letters, digits, dots, dashes and underscores, at most 100")
    try:
        find(name)
    except DefinitionError:
        return
    raise ValueError(f"NAME {name}: a definition has this name, and its runs are trained here; choose another one")
