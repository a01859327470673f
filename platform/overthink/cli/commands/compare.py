"""`overthink compare`: the overthinking table from stored runs."""

from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_problems, print_table
from overthink.cli.terminal import print_raw


def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Definitions or experiment names. Default: all runs."),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="PART", help="Group rows by variant, definition, dataset, network, or regime.")
    ] = "variant",
    form: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="Output format: table, markdown, latex, csv, json, or html."),
    ] = "table",
    settings: options.Settings = [],  # noqa: B006 - typer copies it
    against: options.Against = None,
    margin: options.Margin = None,
    interval: options.Interval = "both",
    refresh: Annotated[bool, typer.Option("--refresh", help="Read all runs from the store, not the cache.")] = False,
    table: Annotated[
        str, typer.Option(metavar="TABLE", help="Table to show: overthinking, or policy for policy networks.")
    ] = "overthinking",
) -> int:
    """Show the overthinking table, or the table of policy networks, from stored runs."""
    from overthink.cli.intervals import crossed, parse_over
    from overthink.cli.requested_runs import requested_runs
    from overthink.comparison.grouping import GROUPINGS
    from overthink.comparison.overthinking import overthinking_rows
    from overthink.comparison.paired import with_differences
    from overthink.comparison.stored_runs import stored_runs
    from overthink.report.policy_table import POLICY
    from overthink.report.table_files import FORMATS, TEXTS
    from overthink.report.tables import OVERTHINKING, as_rich
    from overthink.store.unreadable import problems_of
    from overthink.store.uri import tracking_uri

    layouts = {"overthinking": OVERTHINKING, "policy": POLICY}
    options.check_choice("--by", by, list(GROUPINGS))
    options.check_choice("--format", form, list(FORMATS))
    options.check_choice("--table", table, list(layouts))
    over = parse_over(interval)
    equal_within = options.parse_margin(margin, against)
    layout, policies, console = layouts[table], table == "policy", log()
    runs = requested_runs(stored_runs(refresh, layout.metrics), names or [], settings, console)
    print_problems(console, problems_of(runs))
    rows = overthinking_rows((run for run in runs if run.is_policy == policies), by, layout.metrics)
    if against is not None and rows:
        rows = with_differences(rows, against, layout.compared, equal_within)
    rows = crossed(rows, over, tracking_uri(), console)
    if not rows:
        console.print("No such runs in the store; start some with overthink run.", soft_wrap=True)
    if by != "variant" and any(run.is_group and run.arms for run in runs):
        console.print(
            f"--by {by} leaves out runs that only studies ask for: their seeds are not independent.", soft_wrap=True
        )
    if form != "table":
        print_raw(TEXTS[form](rows, layout) + "\n")
    elif rows:
        print_table(as_rich(rows, layout))
    return SOME_FAILED if any(row.gaps for row in rows) else OK
