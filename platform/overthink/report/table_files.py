"""The overthinking table as text: Markdown, LaTeX, HTML, comma-separated values, JSON."""

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from overthink.comparison.overthinking import Row
from overthink.report import grids
from overthink.report.csv_text import csv_text
from overthink.report.difference_table import differences_grid
from overthink.report.differences import as_record
from overthink.report.tables import OVERTHINKING, Layout, as_grid
from overthink.untrusted import one_line


def as_markdown(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> str:
    """Return a GitHub-flavoured Markdown table."""
    columns = layout.columns_for(rows)
    lines = [
        "| " + " | ".join(column.title for column in columns) + " |",
        "|" + "|".join("--:" if column.number else "---" for column in columns) + "|",
        *("| " + " | ".join(_markdown(column.cell(row)) for column in columns) + " |" for row in rows),
    ]
    return "\n".join([*lines, "", _markdown((layout.caption_for(rows),))])


def _markdown(lines: tuple[str, ...]) -> str:
    """Return a cell without markup of its own: no HTML, no end of the cell, no link and no image."""
    escaped = (html.escape(one_line(line), quote=False) for line in lines)
    return "<br>".join(line.replace("|", "\\|").replace("](", r"]\(") for line in escaped)


LATEX_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"$\sim$",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
}


def as_latex(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> str:
    """Return a LaTeX table for the booktabs package."""
    columns = layout.columns_for(rows)
    body: list[str] = []
    for row in rows:
        cells = [column.cell(row) for column in columns]
        body += map(_latex_row, zip_longest(*cells, fillvalue=""))
        body.append(r"\addlinespace")
    alignment = "".join("r" if column.number else "l" for column in columns)
    head = _latex_row([column.title for column in columns])
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head, r"\midrule", *body[:-1], r"\bottomrule"]
    return "\n".join([f"% {one_line(layout.caption_for(rows))}", *lines, r"\end{tabular}"])


def grid_as_latex(grid: grids.Grid) -> str:
    """Return a table of text as a LaTeX table for the booktabs package; its caption is a comment."""
    alignment = "".join("l" if number < grid.words else "r" for number in range(len(grid.titles)))
    lines = [
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        _latex_row(grid.titles),
        r"\midrule",
    ]
    lines += map(_latex_row, grid.rows)
    return "\n".join([f"% {one_line(grid.caption)}", *lines, r"\bottomrule", r"\end{tabular}"])


def _latex_row(cells: Sequence[str]) -> str:
    """Return a row; a bracket or a star at its beginning would belong to the command before it."""
    row = " & ".join(map(_latex, cells))
    return ("{}" if row.lstrip().startswith(("[", "*")) else "") + row + r" \\"


def _latex(text: str) -> str:
    return "".join(LATEX_SPECIAL.get(character, character) for character in one_line(text))


def as_html(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> str:
    """Return an HTML table element, and one of the differences in detail; everything in them is escaped."""
    table, differences = grids.as_html(as_grid(rows, layout)), differences_grid(rows, layout.compared)
    return table if differences is None else f"{table}\n{grids.as_html(differences)}"


def as_csv(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> str:
    """Return comma-separated values: fractions with all digits, a column for each number."""
    records = [_record(row) for row in rows]
    titles = list(dict.fromkeys(key for record in records for key in record))
    return csv_text(titles, [[record.get(title) for title in titles] for record in records]).rstrip("\n")


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"dataset": row.dataset, "group": row.group, "runs": " ".join(row.run_ids)}
    record |= {"kernels": "; ".join(row.kernels), "data": "; ".join(row.data)}
    for metric, estimate in row.estimates.items():
        record |= {f"{metric}/{name}": value for name, value in estimate._asdict().items()}
    for metric, over in row.over_groups.items():
        counts = {"groups": len(over.n), "n": " + ".join(map(str, over.n))}
        record |= {f"{metric}/{name}": value for name, value in (over._asdict() | counts).items()}
    for metric, difference in row.differences.items():
        record |= {f"{metric}/difference/{name}": value for name, value in as_record(difference).items()}
    record |= {f"{metric}/paper": reported.value for metric, reported in row.reported.items()}
    return record | {"gaps": "; ".join(f"{gap.group} seed {gap.seed} {gap.outcome}" for gap in row.gaps)}


def as_json(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> str:
    """Return JSON: fractions with all digits, the run ids behind every number; groups of a row are rows in it."""
    return json.dumps(as_plain(rows, layout), indent=2)


def as_plain(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> dict[str, Any]:
    """Return the same as JSON types."""
    return {"metrics": list(layout.metrics), "unit": "fraction", "rows": list(map(_plain, rows))}


def _plain(row: Row) -> dict[str, Any]:
    return asdict(row) | {
        "estimates": {metric: value._asdict() for metric, value in row.estimates.items()},
        "gaps": [{name: value for name, value in gap._asdict().items() if name != "whole_group"} for gap in row.gaps],
        "differences": {metric: as_record(value) for metric, value in row.differences.items()},
        "groups": list(map(_plain, row.groups)),
        "over_groups": {metric: value._asdict() for metric, value in row.over_groups.items()},
    }


TEXTS: dict[str, Callable[..., str]] = {
    "markdown": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
    "json": as_json,
    "html": as_html,
}
"""Every format but the terminal's: from rows and, of another table than the overthinking table, its layout."""
FORMATS = ("table", *TEXTS)
