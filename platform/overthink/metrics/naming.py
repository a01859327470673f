"""Names of metrics: sections separated by `/`, exits numbered from 1, level names made valid for MLflow.

A pattern such as `accuracy/exit_{exit}` names a family of numbers; a full name such as `accuracy/exit_2`, one of them.
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
    """Return the values of exits 1..E by name.

    >>> by_exit("accuracy", [0.5, 0.75])
    {'accuracy/exit_1': 0.5, 'accuracy/exit_2': 0.75}
    """
    return {f"{section}/exit_{number}": float(value) for number, value in enumerate(values, start=1)}


def level_names(names: Sequence[str]) -> list[str]:
    """Return level names with `_` for every character that MLflow does not allow in a metric name.

    Raises ValueError if two names become equal.

    >>> level_names(["easy", "very hard!"])
    ['easy', 'very hard_']
    """
    safe = [re.sub(r"[^A-Za-z0-9_. -]|^\.", "_", name) for name in names]  # "." and ".." would be folders
    if len(set(safe)) < len(safe):
        raise ValueError(f"level names {list(names)} become the same in a metric's name: {safe}")
    return safe


def match(pattern: str, name: str) -> dict[str, str] | None:
    """Return the values of a pattern's placeholders in a full name, or None if the name does not match.

    >>> match("accuracy_by_level/{level}/exit_{exit}", "accuracy_by_level/hard/exit_2")
    {'level': 'hard', 'exit': '2'}
    """
    expression = re.escape(pattern)
    for placeholder, values in PLACEHOLDERS.items():
        expression = expression.replace(rf"\{{{placeholder}\}}", f"(?P<{placeholder}>{values})")
    found = re.fullmatch(expression, name)
    if found is None:
        return None
    parts = found.groupdict()
    return None if "later" in parts and int(parts["later"]) <= int(parts["exit"]) else parts
