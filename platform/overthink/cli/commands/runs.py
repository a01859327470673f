"""`overthink runs`: a plain list of stored runs and groups."""

from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json, print_problems
from overthink.cli.terminal import print_raw
from overthink.report.safe_text import print_text
from overthink.sentences import number_of

FORMATS = ("table", "json", "csv")


def runs(
    names: options.Runs = None,
    where: options.Where = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Show a parameter, tag or metric as well, and sort by it."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Sort by a parameter, tag or metric; descending: -NAME. Default: -started."),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="NAME", help="Metric, parameter or tag to show, instead of the usual. Repeatable."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Show the first N only.")] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="Output format: table, json, or csv.")
    ] = "table",
    refresh: Annotated[bool, typer.Option("--refresh", help="Read all runs from the store, not the cache.")] = False,
) -> int:
    """List stored runs and groups, newest first."""
    from overthink.cli.named_values import asked, none_met
    from overthink.cli.options import check_choice
    from overthink.cli.requested_runs import requested_runs
    from overthink.comparison.named_values import metrics_to_read, sorted_by
    from overthink.comparison.stored_runs import stored_runs
    from overthink.report.run_list import USUAL, as_csv, as_grid, as_plain
    from overthink.store.unreadable import problems_of

    check_choice("--format", form, FORMATS)
    first, order, console = [by] if by else [], sort or by or "-started", log()
    columns = list(dict.fromkeys([*first, *(metrics or USUAL)]))
    wanted = asked(where, by=first, sort=[sort] if sort else [], metric=metrics or [])
    needed = metrics_to_read([*wanted.names, *columns])
    stored = stored_runs(refresh, needed, params=bool(needed))
    wanted.check(stored, lambda: stored_runs(params=True))
    found = [run for run in requested_runs(stored, names or [], [], console) if not run.is_only_asked]
    print_problems(console, problems_of(found))
    met = sorted_by(wanted.runs(found), order)
    shown = met[:limit]
    if form == "json":
        print_json(as_plain(shown, columns))
    elif form == "csv":
        print_raw(as_csv(shown, columns))
    elif shown:
        print_grid(as_grid(shown, columns))
    if not met:
        print_text(console, none_met(wanted.why_none(found), stored))
    elif len(shown) < len(met):
        console.print(f"{len(shown)} of {number_of(len(met), 'run')} and groups.", soft_wrap=True)
    return OK
