"""Comma-separated values of what a store has: other people may have written it, and spreadsheets run formulas."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from overthink.untrusted import one_line


def csv_text(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a line of titles and a line a row; no text in it is a formula to a spreadsheet, or steers a terminal."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_safe_for_spreadsheets, row) for row in (titles, *rows))
    return text.getvalue()


def _safe_for_spreadsheets(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return f"'{one_line(value)}" if value[:1] in ("=", "+", "-", "@") else one_line(value)
