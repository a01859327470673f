"""The overthinking table for people and for files. A table is a tuple of columns; every format draws the same cells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table

from overthink.comparison.kernels import different_kernels
from overthink.comparison.overthinking import COLUMNS, Row
from overthink.report.averages import averages, best_line, count_lines, number_lines, repeats_line, seed_line, unit
from overthink.report.differences import difference_lines, differences_sentence
from overthink.report.grids import NARROWEST, Grid, empty_table
from overthink.report.safe_text import escape_for_terminal
from overthink.report.undetermined import ND, SENTENCE, meanings_of
from overthink.report.words import Words
from overthink.store.stored import PaperNumber
from overthink.untrusted import one_line

TITLES = {
    "test/accuracy/last": "Accuracy last exit",
    "test/overthinking/any_later": "Overthinking any later",
    "test/overthinking/final": "Overthinking final",
    "test/oracle/accuracy": "Oracle accuracy",
}
POLICY_TITLES = {
    "test/policy/accuracy": "Right exits chosen",
    "test/policy/balanced_accuracy": "Right exits chosen, balanced",
    "test/policy/best_constant": "The best constant answer",
    "test/policy/confidence/balanced_accuracy": "From exit 1's confidence alone, balanced",
    "test/policy/routed/accuracy": "Accuracy of the routed main network",
}
MOST_SEEDS = 100
"""That a cell lists; the tag of a group may ask for thousands."""
DEFINITIONS = (
    "Any later: an exit is right and a later one wrong (eq. 3.11). Final: an exit is right and the last one wrong."
)


@dataclass(frozen=True)
class Column:
    """A title and the lines of text that a row has under it."""

    title: str
    cell: Callable[[Row], tuple[str, ...]]
    number: bool


KERNELS = Column("Kernels", lambda row: row.kernels or ("-",), False)


@dataclass(frozen=True)
class Layout:
    """A kind of table: the metrics that its rows need, its columns, and its caption."""

    metrics: tuple[str, ...]
    columns: tuple[Column, ...]
    caption: Callable[[Sequence[Row]], str]
    compared: Mapping[str, str]
    """Metric -> title, of the metrics that are compared with a baseline."""

    def columns_for(self, rows: Sequence[Row]) -> tuple[Column, ...]:
        """Return its columns, and that of kernels after the first one where rows differ in them."""
        first, *others = self.columns
        return (first, *([KERNELS] if len({row.kernels for row in rows}) > 1 else []), *others)

    def caption_for(self, rows: Sequence[Row]) -> str:
        """Return its caption, and what `n.d.` means where it occurs."""
        cells = [column.cell(row) for column in self.columns_for(rows) if column.number for row in rows]
        return " ".join(filter(None, (self.caption(rows), *meanings_of(cells, {ND: SENTENCE}))))


def caption(rows: Sequence[Row]) -> str:
    """Return the caption of the overthinking table."""
    return caption_of(rows, "test samples", [DEFINITIONS], TITLES)


def caption_of(rows: Sequence[Row], samples: str, meanings: Sequence[str], compared: Mapping[str, str]) -> str:
    """Return a caption: percent of which samples, what the numbers mean, warnings, and what differences are."""
    said = (averages(rows), *meanings, _mixed_data_warning(rows), _mixed_kernels_warning(rows))
    return " ".join(filter(None, (unit(samples, rows), *said, differences_sentence(rows, compared))))


def _mixed_data_warning(rows: Sequence[Row]) -> str:
    """Return a warning of rows that are means over runs on different data, as when a file was replaced between them."""
    return " ".join(
        f"DIFFERENT DATA in {row.group}, although {'defined alike' if row.groups else 'of one definition'}: "
        + "; ".join(f"seed {', '.join(seeds)} used {digest[:8]}" for digest, seeds in row.data.items())
        + " (SHA-256). Its numbers are not means over seeds alone."
        for row in rows
        if len(row.data) > 1
    )


def _mixed_kernels_warning(rows: Sequence[Row]) -> str:
    """Return a warning of rows that are means over runs by several kernels, or instruction sets of a processor."""
    return " ".join(filter(None, (different_kernels(row.group, row.computed_by) for row in rows)))


def group_cell(row: Row) -> tuple[str, ...]:
    """Return the name of a row, of what it is the best, and its runs that have not finished."""
    differing = {"data": row.data, "kernels": row.computed_by}
    mixed = [f"different {what}: see below" for what, found in differing.items() if len(found) > 1]
    return (
        *filter(None, (row.dataset, row.group)),
        *seed_line(row),
        *best_line(row),
        *repeats_line(row),
        *mixed,
        *_gaps(row),
    )


def metric_cell(metric: str) -> Callable[[Row], tuple[str, ...]]:
    """Return the cell of a metric: its estimate, the difference to a baseline, the paper's number."""

    def cell(row: Row) -> tuple[str, ...]:
        lines = (*number_lines(row, metric), *difference_lines(row.differences.get(metric)))
        reported = row.reported.get(metric)
        return lines if reported is None else (*lines, _paper(reported))

    return cell


def _paper(reported: PaperNumber) -> str:
    return f"paper {'~' if reported.approximate else ''}{100 * reported.value:.4g}"


def _gaps(row: Row) -> tuple[str, ...]:
    seeds: dict[tuple[str, str], list[str]] = {}
    for gap in row.gaps:
        seeds.setdefault((gap.outcome, gap.group), []).append(gap.seed)
    several = len({gap.group for gap in row.gaps}) > 1
    return tuple(
        f"{outcome}: seed {_few(those)}{f' of {group}' if several else ''}" for (outcome, group), those in seeds.items()
    )


def _few(seeds: Sequence[str]) -> str:
    """Return seeds as text; of very many the first, and how many there are."""
    more = f", ... ({len(seeds):,} seeds)" if len(seeds) > MOST_SEEDS else ""
    return ", ".join(seeds[:MOST_SEEDS]) + more


OVERTHINKING = Layout(
    COLUMNS,
    (
        Column("Group", group_cell, False),
        Column("n", count_lines, True),
        *(Column(TITLES[metric], metric_cell(metric), True) for metric in COLUMNS),
    ),
    caption,
    TITLES,
)


def as_grid(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> Grid:
    """Return the table as text, a line of a cell on a line of its own."""
    columns = layout.columns_for(rows)
    cells = [["\n".join(map(one_line, column.cell(row))) for column in columns] for row in rows]
    return Grid([column.title for column in columns], cells, layout.caption_for(rows))


def as_rich(rows: Sequence[Row], layout: Layout = OVERTHINKING) -> Table:
    """Return the table for a terminal. Names from the store are shown as they are, never as markup.

    What all rows have in common, data set or definition, stands above the table once, so that 80 columns are enough.
    """
    text = layout.caption_for(rows)
    heading, rows = _common_heading(rows)
    table = empty_table(text, heading)
    cells = as_grid(rows, layout).rows
    texts: list[Callable[[str], RenderableType]] = []
    for number, column in enumerate(layout.columns_for(rows)):
        texts.append(escape_for_terminal if column.number else Words)
        if column.number:  # a number is never broken over two lines, nor cut off; its title may be broken
            title = column.title.replace(" ", "\n", 1)
            lines = "\n".join((title, *(of_row[number] for of_row in cells))).split("\n")
            longest = max(map(cell_len, lines))
            table.add_column(escape_for_terminal(title), justify="right", no_wrap=True, min_width=longest)
        else:
            widest = max((Words(of_row[number]).least_width for of_row in cells), default=1)
            table.add_column(escape_for_terminal(column.title), min_width=max(widest, NARROWEST))
    for of_row in cells:
        table.add_row(*(as_text(cell) for as_text, cell in zip(texts, of_row, strict=True)))
    return table


def _common_heading(rows: Sequence[Row]) -> tuple[str, list[Row]]:
    """Return a heading of what all rows share, and the rows without it."""
    datasets = {row.dataset for row in rows}
    definitions = {row.definition for row in rows}
    dataset, definition = (next(iter(names)) if len(names) == 1 else "" for names in (datasets, definitions))
    shortened = [
        replace(
            row,
            dataset="" if dataset else row.dataset,
            group=row.short_name if definition else row.group,
        )
        for row in rows
    ]
    return " on ".join(filter(None, (definition, dataset))), shortened
