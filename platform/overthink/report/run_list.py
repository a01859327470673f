"""A list of runs and groups: a row each."""

import re
from collections.abc import Sequence
from datetime import datetime
from math import isnan
from typing import Any

from overthink.comparison.named_values import FACTS, TEST, duration, value_of
from overthink.comparison.ranges import is_rate
from overthink.comparison.where import Value
from overthink.report.csv_text import csv_text
from overthink.report.grids import Grid
from overthink.store.stored import StoredRun

USUAL = {
    "test/accuracy/last": "Accuracy",
    "test/overthinking/any_later": "Any later",
    "test/overthinking/final": "Final",
}
"""Metric that is shown where no other is asked for -> its title."""
LONG_NUMBER = re.compile(r"-?\d*\.\d{5,}(e-?\d+)?")
"""A value of a parameter with more digits than a table needs, as a sampler draws it."""
CAPTION = "Accuracy of the last exit; overthinking any later, and final. Percent of test samples; of a group, means."
RECORDED = (
    *("name", "kind", "status", "definition", "variant", "changes", "seed", "dataset", "network", "regime", "kernels"),
    *("task", "started", "ended", "duration"),
)
"""Facts in files."""


def as_grid(runs: Sequence[StoredRun], columns: Sequence[str]) -> Grid:
    """Return the list for a terminal, with what runs have under the names of columns."""
    titles = [USUAL.get(name) or _title(name) for name in columns]
    rows = [
        [
            run.run_id[:8],
            run.name,
            run.outcome,
            _moment(run.started_ms),
            _duration(duration(run)),
            *(_cell(run, name) for name in columns),
        ]
        for run in runs
    ]
    caption = CAPTION if list(columns) == list(USUAL) else ""
    return Grid(["ID", "Name", "Status", "Started", "Took", *titles], rows, caption, words=3)


def as_plain(runs: Sequence[StoredRun], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the list as JSON types: fractions with all digits, durations in seconds."""
    return [
        {"run_id": run.run_id, **{name: _plain(value_of(run, name)) for name in dict.fromkeys([*RECORDED, *columns])}}
        for run in runs
    ]


def as_csv(runs: Sequence[StoredRun], columns: Sequence[str]) -> str:
    """Return the same as comma-separated values, with a line of titles."""
    titles = list(dict.fromkeys(["run_id", *RECORDED, *columns]))
    return csv_text(titles, [[record[title] for title in titles] for record in as_plain(runs, columns)])


def _plain(value: Value) -> Value:
    """Return a value that JSON has."""
    return str(value) if isinstance(value, float) and isnan(value) else value


def _title(name: str) -> str:
    """Return a name with a blank where its line may be broken: `regime.0. lr`."""
    before, dot, last = name.removeprefix(TEST).replace("/", " ").rpartition(".")
    return f"{before}{dot} {last}" if dot else last


def _cell(run: StoredRun, name: str) -> str:
    value = value_of(run, name)
    if value is None or value == "":
        return "-"
    if name in ("duration", "estimated"):
        return _duration(float(value))
    if isinstance(value, str) or name in FACTS:
        return f"{float(value):.4g}" if LONG_NUMBER.fullmatch(str(value)) else str(value)
    metric = name if name in run.metrics else TEST + name
    return f"{100 * value:.2f}" if is_rate(metric) else f"{value:.4g}"


def _moment(milliseconds: int) -> str:
    """Return a date and time of this year, or the date alone of another: what fits 80 columns."""
    if not milliseconds:
        return "-"
    then = datetime.fromtimestamp(milliseconds / 1000)
    return f"{then:%m-%d %H:%M}" if then.year == datetime.now().year else f"{then:%Y-%m-%d}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d} h"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"
