"""The control arm of a study: its runs repeat one training, so they are one observation, whatever their number."""

from typing import Any, TypeVar

from overthink.statistics.jackknife import Interval
from overthink.study.spread import Spread

T = TypeVar("T")


def of_one_training(found: T) -> T:
    """Return results without deviations and intervals: those of runs that are equal by construction.

    `found` is Findings, or anything in them.
    """
    result: Any = _of_one(found)
    return result  # type: ignore[no-any-return]


def _of_one(found: Any) -> Any:
    if isinstance(found, Interval):
        return Interval(found.value, None, None)
    if isinstance(found, Spread):
        return Spread(_of_one(found.mean), None)
    if isinstance(found, dict):
        return {key: _of_one(inner) for key, inner in found.items()}
    if isinstance(found, tuple):
        parts = [_of_one(inner) for inner in found]
        return type(found)(*parts) if hasattr(found, "_fields") else tuple(parts)
    return found
