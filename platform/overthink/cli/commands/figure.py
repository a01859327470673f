"""`overthink figure`: several groups in one plot, for a paper or a page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_problems
from overthink.cli.output_path import check_file, write_file
from overthink.report.safe_text import print_text

if TYPE_CHECKING:
    from overthink.comparison.overthinking import Row
    from overthink.report.figures.groups import Overlay
    from overthink.store.stored import StoredRun

SUFFIXES = (".pdf", ".svg", ".png", ".html")


def figure(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="What to show: accuracy, overthinking, budget, depth, course, or forks."),
    ],
    names: Annotated[list[str], typer.Argument(metavar="GROUP", help=options.NAMES_HELP)],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write, by its suffix a PDF, SVG, PNG, or HTML file; its numbers are written beside it as "
            "CSV.",
        ),
    ],
    columns: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=2,
            help="With PDF, SVG and PNG: width of the figure in columns of a paper, 1 (default) or 2.",
        ),
    ] = None,
) -> int:
    """Draw several groups in one plot, with 95% intervals (over seeds; of forks, over trunks and samples)."""
    numbers = output.with_suffix(".csv")
    options.check_choice("KIND", kind, ("accuracy", "overthinking", "budget", "depth", "course", "forks"))
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output {output}: suffix {output.suffix!r} is not one of {', '.join(SUFFIXES)}")
    if output.suffix.lower() == ".html":
        options.check_alone("--columns", columns, "PDF, SVG and PNG files")
    check_file("--output", output)
    check_file("--output", numbers)
    _check_own(numbers)
    from overthink.cli.selection import chosen_by_name, not_run
    from overthink.comparison.overthinking import overthinking_rows
    from overthink.definition.errors import DefinitionError
    from overthink.store.local_store import store_to_read
    from overthink.store.stored import once_each
    from overthink.store.unreadable import problems_of

    store, console = store_to_read(), log()
    chosen = chosen_by_name(store, names)
    if not any(chosen):
        raise not_run(store, names)
    from overthink.report.group_overlays import FORKS, as_csv, fork_overlay_of, overlay_of  # plotly

    runs = once_each(run for of_name in chosen for run in of_name if not run.is_policy)
    everything = [] if kind == FORKS else overthinking_rows(runs)
    rows = _in_order([row for row in everything if row.finished], chosen)
    if not rows and kind != FORKS:
        raise DefinitionError(f"{', '.join(names)}: no finished runs of multi-exit networks")
    found = fork_overlay_of(store, runs) if kind == FORKS else overlay_of(store, kind, rows, runs)
    print_problems(console, [*problems_of(runs), *found.problems])
    if found.info is None:
        raise ValueError(f"{', '.join(names)}: nothing of this kind can be read")
    write_file(output, _file(found.info, output, columns or 1))
    write_file(numbers, as_csv(found.info).encode())
    for row in everything:
        if not row.finished:
            print_text(console, f"Left out: {row.group}, without a finished run")
    print_text(console, f"Written: {output} and {numbers}")
    print_text(console, found.info.sentence)
    return SOME_FAILED if found.problems or any(row.gaps for row in everything) else OK


def _check_own(numbers: Path) -> None:
    """Raise ValueError where a file that this command did not write lies where the numbers are to be written."""
    if not numbers.is_file():
        return
    from overthink.report.figures.groups import HEADINGS

    with numbers.open("rb") as file:
        first = file.readline(200)
    if first.strip() and not first.startswith(",".join(HEADINGS[: HEADINGS.index("x")]).encode()):
        raise ValueError(
            f"--output: the figure's numbers go to {numbers}, which holds something else and would be lost; choose "
            "another name"
        )


def _in_order(rows: "list[Row]", chosen: "list[list[StoredRun]]") -> "list[Row]":
    """Return rows in the order of the names that chose their runs."""
    place: dict[str, int] = {}
    for number, of_name in enumerate(chosen):
        for run in of_name:
            place.setdefault(run.run_id, number)
    return sorted(rows, key=lambda row: place[row.run_ids[0]])


def _file(info: "Overlay", output: Path, columns: int) -> bytes:
    from overthink.report.figures.groups_page import draw_groups
    from overthink.report.figures.groups_paper import paper_figure
    from overthink.report.pages import Captioned, page

    form = output.suffix.lower()[1:]
    if form != "html":
        return paper_figure(info, form, columns)
    drawn = Captioned(info.caption, draw_groups(info), wide=True)
    return page(info.caption, info.sentence, [drawn]).encode()
