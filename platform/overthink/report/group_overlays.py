"""Groups of a store side by side: an overlay of the predictions of their runs, under the names that tables show."""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from overthink.comparison.called import without_changes
from overthink.comparison.overthinking import Row
from overthink.report.figures.groups import HEADINGS, KINDS, Overlay, Splits, as_rows, overlay
from overthink.report.group_predictions import group_predictions
from overthink.report.table_files import safe_for_spreadsheets
from overthink.store.client import Store
from overthink.store.stored import StoredRun


class GroupOverlay(NamedTuple):
    """An overlay of the rows whose predictions could be read."""

    info: Overlay | None
    """None where none could."""
    problems: list[str]
    """A sentence for each run that is left out."""


def overlay_of(store: Store, kind: str, rows: Sequence[Row], runs: Sequence[StoredRun]) -> GroupOverlay:
    """Return the overlay of rows of the overthinking table, whose runs are among `runs`; in the order of rows.

    Raises ValueError where groups have costs in different units, or predictions lack what is needed.
    """
    by_id = {run.run_id: run for run in runs}
    groups: dict[str, list[Splits]] = {}
    problems: list[str] = []
    for name, row in zip(legend_names(rows), rows, strict=True):
        found = group_predictions(store, [by_id[run_id] for run_id in row.run_ids], KINDS[kind].splits)
        problems += found.problems
        if found.values:
            groups[name] = found.values
    return GroupOverlay(overlay(kind, groups) if groups else None, problems)


def legend_names(rows: Sequence[Row]) -> list[str]:
    """Return the names of rows without what all have in common: their definition, and what `--set` changed.

    As `compare` shows them below the name of the definition, and as it finds them.
    """
    names = [row.short_name if len({row.definition for row in rows}) == 1 else row.group for row in rows]
    shorter = [without_changes(name) for name in names]
    return shorter if len({*shorter}) == len(shorter) else names


def as_csv(info: Overlay) -> str:
    """Return the numbers of an overlay, a row a point."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([info.unit or "exit" if heading == "x" else heading for heading in HEADINGS])
    writer.writerows([safe_for_spreadsheets(value) for value in row] for row in as_rows(info))
    return text.getvalue()
