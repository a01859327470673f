"""`overthink compare`: the overthinking table from stored runs."""

from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_problems, print_table
from overthink.cli.terminal import print_raw
from overthink.report.safe_text import print_text


def compare(  # noqa: PLR0913, PLR0917 - an option each
    names: options.Runs = None,
    by: options.By = "variant",
    form: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="Output format: table, markdown, latex, csv, json, or html."),
    ] = "table",
    where: options.Where = None,
    metrics: options.Metrics = None,
    sort: options.Sort = None,
    settings: options.Settings = [],  # noqa: B006 - typer copies it
    against: options.Against = None,
    margin: options.Margin = None,
    interval: options.Interval = "both",
    everything: Annotated[
        bool, typer.Option("--all", help="Without names: show all trials of a sweep and all arms of a study.")
    ] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read all runs from the store, not the cache.")] = False,
    table: Annotated[
        str, typer.Option(metavar="TABLE", help="Table to show: overthinking, or policy for policy networks.")
    ] = "overthinking",
) -> int:
    """Show the overthinking table, or the table of policy networks, from stored runs."""
    from overthink.cli.compared import check_grouping, chosen_layout, sorting
    from overthink.cli.intervals import crossed, parse_over
    from overthink.cli.named_values import asked, none_met
    from overthink.cli.requested_runs import requested_runs
    from overthink.comparison.arms import with_primary_arms
    from overthink.comparison.grouping import GROUPINGS
    from overthink.comparison.named_values import metrics_to_read
    from overthink.comparison.overthinking import overthinking_rows
    from overthink.comparison.paired import with_differences
    from overthink.comparison.stored_runs import stored_runs
    from overthink.comparison.sweeps import with_best_trials
    from overthink.report.chosen_table import in_order
    from overthink.report.policy_table import POLICY
    from overthink.report.table_files import FORMATS, TEXTS
    from overthink.report.tables import OVERTHINKING, as_rich
    from overthink.store.unreadable import problems_of
    from overthink.store.uri import tracking_uri

    layouts = {"overthinking": OVERTHINKING, "policy": POLICY}
    options.check_choice("--format", form, list(FORMATS))
    options.check_choice("--table", table, list(layouts))
    over = parse_over(interval)
    equal_within = options.parse_margin(margin, against)
    layout, policies, console = layouts[table], table == "policy", log()
    wanted = asked(where, metric=metrics or [])
    needed = [*layout.metrics, *metrics_to_read(wanted.names)]
    stored = stored_runs(refresh, needed, params=where is not None or by not in GROUPINGS)
    wanted.check(stored, lambda: stored_runs(params=True))
    runs = requested_runs(stored, names or [], settings, console, against)
    if not names and not everything:
        runs = with_primary_arms(with_best_trials(runs))
    print_problems(console, problems_of(runs))
    check_grouping(by, runs)
    layout = chosen_layout(layout, metrics, stored)
    by_what = sorting(sort, layout, by)
    some = [run for run in wanted.with_groups(runs) if run.is_policy == policies]
    rows = overthinking_rows(some, by, layout.metrics)
    if by_what is not None:
        rows = in_order(rows, by_what)
    if against is not None and rows:
        rows = with_differences(rows, against, layout.compared, equal_within)
    rows = crossed(rows, over, tracking_uri(), console)
    if not rows:
        print_text(console, none_met(wanted.why_none(runs), stored))
    if by != "variant" and any(run.is_group and run.arms for run in runs):
        console.print(
            f"--by {by} leaves out runs that only studies ask for: their seeds are not independent.", soft_wrap=True
        )
    if form != "table":
        print_raw(TEXTS[form](rows, layout) + "\n")
    elif rows:
        print_table(as_rich(rows, layout))
    return SOME_FAILED if any(row.gaps for row in rows) else OK
