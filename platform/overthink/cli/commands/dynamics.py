"""`overthink dynamics`: when samples are learned, forgotten and overthought in the course of a training."""

from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.options import NAMES_HELP, check_choice
from overthink.cli.output import log, print_grid, print_json, print_problems, results
from overthink.cli.terminal import print_raw
from overthink.report.safe_text import escape_for_terminal, print_text
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.dynamics.findings import Dynamics
    from overthink.report.dynamics import GroupDynamics
    from overthink.store.client import Store

FORMATS = ("table", "json", "csv")


def dynamics(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=NAMES_HELP)],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"Output format: {', '.join(FORMATS)}.")
    ] = "table",
) -> int:
    """Show when samples were learned, forgotten and overthought, from recorded courses of trainings.

    Takes runs with `record` in their definition. A page with figures is added to each group, or to a single run.
    """
    check_choice("--format", form, FORMATS)
    from overthink.cli.selection import runs_named
    from overthink.store.local_store import store_to_read

    chosen = runs_named(store_to_read(), names)  # MLflow takes seconds, so after what may be refused
    from overthink.report.dynamics import dynamics_of
    from overthink.report.dynamics_table import as_csv, as_plain
    from overthink.store.client import Store
    from overthink.store.unreadable import problems_of

    store, console = Store(), log()
    asked = list(dynamics_of(store, chosen))
    problems = [*problems_of(chosen), *(problem for one in asked for problem in one.problems)]
    shown = [(one, one.found) for one in asked if one.found is not None]
    if not shown:
        raise ValueError(next(iter(problems), f"{', '.join(names)}: no run of a multi-exit network"))
    for one, found in shown:
        problems += _added_page(store, one, found)
        if form == "table":
            _show(one, found)
    if form == "json":
        print_json([as_plain(one, found) for one, found in shown])
    elif form == "csv":
        print_raw(as_csv(shown))
    print_problems(console, problems)
    print_text(console, f"Figures and all numbers: artifact {tags.DYNAMICS_PAGE}.")
    return SOME_FAILED if len(shown) < len(asked) else OK


def _added_page(store: "Store", one: "GroupDynamics", found: "Dynamics") -> list[str]:
    """Add the page to the group, or the run; return why that is not possible, if it is not."""
    from overthink.report.dynamics_page import dynamics_page
    from overthink.store.writer import Writer

    return Writer(store).page(one.run_id, tags.DYNAMICS_PAGE, dynamics_page(one, found))


def _show(one: "GroupDynamics", found: "Dynamics") -> None:
    from overthink.dynamics.verdict import verdict
    from overthink.report.dynamics_table import grids, intervals_sentence

    shown = results()
    shown.print(escape_for_terminal(one.name, "bold"))
    shown.print(escape_for_terminal(intervals_sentence(found, one.fixed)), "")
    for paragraph in verdict(found):
        shown.print(escape_for_terminal(paragraph), "")
    for grid in grids(found):
        print_grid(grid)
        shown.print()
