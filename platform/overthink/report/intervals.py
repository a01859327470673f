"""What the intervals of a table hold for, in its caption, and the marks of those that hold for something else."""

from collections.abc import Sequence

from overthink.comparison.overthinking import Row
from overthink.statistics.estimate import Estimate, Over

HOLDS_FOR: dict[Over, str] = {
    "both": "for new seeds and new test samples",
    "seeds": "for new seeds, on these test samples",
    "samples": "for new test samples, of these networks",
}
MARKS: dict[Over, str] = {"both": "*", "seeds": "†", "samples": "‡"}


def mark(row: Row, estimate: Estimate) -> str:
    """Return the mark of an interval that does not hold for what those of its table do."""
    return "" if estimate.interval in (None, row.interval) else MARKS[estimate.interval]


def intervals_meaning(rows: Sequence[Row]) -> str:
    """Return what the intervals of a table hold for: `[95% interval of the mean, for new seeds, ...]`."""
    main: Over = rows[0].interval if rows else "seeds"
    return f"[95% interval of the mean, {HOLDS_FOR[main]}]"


def marks_sentence(rows: Sequence[Row]) -> str:
    """Return what each mark means, and why intervals do not hold for new samples where that was asked for."""
    marked = {mark(row, found): found.interval for row in rows for found in row.estimates.values()}
    meanings = [f"{sign}: {HOLDS_FOR[kind]}." for sign, kind in sorted(marked.items()) if sign and kind]
    return " ".join([*meanings, *_reasons(rows)])


def _reasons(rows: Sequence[Row]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for row in rows:
        if row.no_new_samples:
            groups.setdefault(row.no_new_samples, []).append(row.group)
    return [f"Not for new test samples: {', '.join(names)}, because {why}." for why, names in groups.items()]
