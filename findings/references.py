"""References into the answers about a store: `table > rows > 12-plain > estimates > test/accuracy/last`.

The first word names an answer, and each further one a part: of an object the key; of a list a place from 1 on, the one
element of a name, or the one element with some values (`of=stage_1, number=last`). A number beside `NAME/low` and
`NAME/high` has these as its interval.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from findings.errors import FindingsError
from overthink.definition.errors import nearest

NAMES = ("short_name", "name", "group")
"""Keys by which an element of a list has a name."""
COUNTS = ("n", "repeats", "trunks", "n_runs", "lines", "trainings", "networks")
"""Keys of how many trainings a number is of."""


class Number(NamedTuple):
    """What a reference stands for, in its own unit: rates are fractions."""

    value: float
    low: float | None
    high: float | None
    """Ends of its 95% interval; None where there is none."""
    n: int
    """Trainings."""
    runs: tuple[str, ...]
    """Run ids of these trainings; empty where the answer names the group alone."""
    group: str
    """Run id of their group; empty where the answer names the runs alone."""


def resolved(reference: str, answer_of: Callable[[str], Any]) -> Number:
    """Return the number of a reference. Raises FindingsError where there is none."""
    name, *steps = (part.strip() for part in reference.split(" > "))
    try:
        passed = [answer_of(name)]
    except KeyError:
        raise FindingsError(f"{reference}: no answer is called {name!r}") from None
    for step in steps:
        passed.append(_part(passed[-1], step, reference))
    value, low, high = _interval(passed[-1], reference)
    runs, group = _runs(passed), _group(passed)
    return Number(value, low, high, _count(passed) or len(runs), runs, group)


def _part(whole: Any, step: str, reference: str) -> Any:
    if isinstance(whole, dict):
        if step not in whole:
            raise FindingsError(f"{reference}: there is no {step!r}{nearest(step, list(whole))}")
        if f"{step}/low" in whole:
            return {"value": whole[step], "low": whole[f"{step}/low"], "high": whole[f"{step}/high"]}
        return whole[step]
    if not isinstance(whole, list):
        raise FindingsError(f"{reference}: there is no {step!r}, since what it would be part of is {whole!r}")
    found = [element for place, element in enumerate(whole, 1) if _is_meant(element, place, step)]
    if len(found) != 1:
        known = [str(element[key]) for element in whole if isinstance(element, dict) for key in NAMES if key in element]
        raise FindingsError(f"{reference}: {len(found)} of {len(whole)} elements are {step!r}{nearest(step, known)}")
    return found[0]


def _is_meant(element: Any, place: int, step: str) -> bool:
    if step.isdecimal():
        return place == int(step)
    if not isinstance(element, dict):
        return False
    if "=" in step:
        conditions = (condition.strip().split("=", 1) for condition in step.split(","))
        return all(str(element.get(key)) == value for key, value in conditions)
    return step in [element.get(key) for key in NAMES]


def _interval(found: Any, reference: str) -> tuple[float, float | None, float | None]:
    if isinstance(found, dict):
        value = found.get("value", found.get("mean"))
        ends = found.get("low"), found.get("high")
    else:
        value, ends = found, (None, None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        keys = f"; it has {', '.join(found)}" if isinstance(found, dict) else ""
        raise FindingsError(f"{reference}: this is no number{keys}")
    return float(value), *ends


def _count(passed: Sequence[Any]) -> int | None:
    """Return the count nearest to the number."""
    counts = (part[key] for part in reversed(passed) if isinstance(part, dict) for key in COUNTS if key in part)
    return next((int(count) for count in counts if isinstance(count, int | float)), None)


def _runs(passed: Sequence[Any]) -> tuple[str, ...]:
    named = (part.get("run_ids", part.get("runs")) for part in reversed(passed) if isinstance(part, dict))
    return tuple(next((runs for runs in named if runs and all(isinstance(run, str) for run in runs)), ()))


def _group(passed: Sequence[Any]) -> str:
    """Return the id of a group: `group_id`, `run_id`, or `group` where an answer has the id there."""
    named = (
        part[key]
        for part in reversed(passed)
        if isinstance(part, dict)
        for key in ("group_id", "run_id", "group")
        if key in part
    )
    return next((name for name in named if len(name) == 32 and name.isalnum()), "")
