"""How metrics are named: sections with `/`, exits from 1, level names made safe for a store.

A pattern such as `accuracy/exit_{exit}` names a family; a full name such as `accuracy/exit_2`, one number.
"""

import re
from collections.abc import Iterable, Sequence

PLACEHOLDERS = {
    "exit": "[1-9][0-9]{0,3}",
    "later": "[1-9][0-9]{0,3}",
    "level": "[A-Za-z0-9_. -]+",
    "percent": "25|50|75|100",
}


def by_exit(section: str, values: Iterable[float]) -> dict[str, float]:
    """Return a value an exit as `section/exit_1`, `section/exit_2` and so on."""
    return {f"{section}/exit_{number}": float(value) for number, value in enumerate(values, start=1)}


def level_names(names: Sequence[str]) -> list[str]:
    """Return level names with every character that MLflow does not take in a metric's name as `_`.

    Raises ValueError where two names become the same.
    """
    safe = [re.sub(r"[^A-Za-z0-9_. -]|^\.", "_", name) for name in names]  # "." and ".." would be folders
    if len(set(safe)) < len(safe):
        raise ValueError(f"level names {list(names)} become the same in a metric's name: {safe}")
    return safe


def match(pattern: str, name: str) -> dict[str, str] | None:
    """Return what a full name has at each placeholder of a pattern, or None where it does not fit."""
    expression = re.escape(pattern)
    for placeholder, values in PLACEHOLDERS.items():
        expression = expression.replace(rf"\{{{placeholder}\}}", f"(?P<{placeholder}>{values})")
    found = re.fullmatch(expression, name)
    if found is None:
        return None
    parts = found.groupdict()
    return None if "later" in parts and int(parts["later"]) <= int(parts["exit"]) else parts
