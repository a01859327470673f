"""`overthink report`: a self-contained page about experiments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_problems
from overthink.cli.output_path import check_file, write_file
from overthink.report.safe_text import print_text
from overthink.sentences import number_of, utf_8
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.report.experiments import ExperimentReport, ShownTable
    from overthink.statistics.estimate import Over
    from overthink.store.client import Store
    from overthink.store.stored import StoredRun


def report(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=options.NAMES_HELP)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="HTML file to write.")] = Path(
        "report.html"
    ),
    against: options.Against = None,
    margin: options.Margin = None,
    interval: options.Interval = "both",
    where: options.Where = None,
    by: options.By = "variant",
    metrics: options.Metrics = None,
    sort: options.Sort = None,
) -> int:
    """Write a self-contained HTML page: tables, figures, findings, provenance, and the commands to repeat them.

    --by, --metric and --sort are of its tables of multi-exit networks. The page is also added to the groups it shows,
    unless --where leaves some of their runs out.
    """
    check_file("--output", output)
    if output.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--output {output}: suffix {output.suffix!r} is not one of .html, .htm")
    equal_within = options.parse_margin(margin, against)
    from overthink.cli.intervals import parse_over
    from overthink.cli.named_values import asked
    from overthink.cli.selection import chosen_by_name, not_run
    from overthink.definition.errors import DefinitionError
    from overthink.store.all_runs import all_runs
    from overthink.store.local_store import store_to_read
    from overthink.store.stored import once_each

    over, wanted, reading, console = parse_over(interval), asked(where), store_to_read(), log()
    if where is not None:
        wanted.check(everything := all_runs(reading), lambda: everything)
    chosen = chosen_by_name(reading, names)
    if not any(chosen):
        raise not_run(reading, names)
    every_run = once_each(run for runs in chosen for run in runs)
    shown = _shown(every_run, by, metrics, sort)
    from overthink.report.pages import document  # plotly and MLflow, after what may be refused: they take seconds
    from overthink.store.client import Store
    from overthink.store.writer import Writer

    store, of_names = Store(), {name: wanted.with_groups(runs) for name, runs in zip(names, chosen, strict=True)}
    parts = _sections(store, of_names, against, equal_within, over, shown, console)
    if not any(one.sections for one in parts):
        if where is not None:
            why = wanted.why_none(every_run)
            raise DefinitionError(f"{', '.join(names)}: no run meets --where {where!r}{why and f': {why}'}")
        raise not_run(store, names)
    title = ", ".join(dict.fromkeys(one.title for one in parts))
    page = utf_8(document(title, [section for one in parts for section in one.sections]))
    write_file(output, page.encode())
    groups, writer = [group for one in parts for group in one.groups if where is None], Writer(store)
    unstored = [problem for group in groups for problem in writer.page(group.run_id, tags.REPORT_PAGE, page)]
    print_problems(console, [*(problem for one in parts for problem in one.problems), *unstored])
    stored = len(groups) - len(unstored)
    also = f"; also artifact {tags.REPORT_PAGE} of {number_of(stored, 'group')}" if stored else ""
    print_text(console, f"{output}: {len(page) / 1e6:.1f} MB, opens offline{also}")
    return SOME_FAILED if any(one.missing for one in parts) else OK


def _shown(runs: "Sequence[StoredRun]", by: str, metrics: list[str] | None, sort: str | None) -> "ShownTable":
    """Return how tables are shown; raises DefinitionError for what these runs do not have."""
    from overthink.cli.compared import check_grouping, chosen_layout, sorting
    from overthink.report.experiments import ShownTable
    from overthink.report.tables import OVERTHINKING

    check_grouping(by, runs)
    layout = chosen_layout(OVERTHINKING, metrics, runs)
    return ShownTable(by, layout, sorting(sort, layout, by))


def _sections(
    store: "Store",
    of_names: "Mapping[str, list[StoredRun]]",
    against: str | None,
    margin: float | None,
    over: "Over",
    shown: "ShownTable",
    console: Console,
) -> "list[ExperimentReport]":
    """Return the sections of each name: without differences, and a message, where it lacks the baseline.

    Raises NoBaselineError where no name has the baseline.
    """
    from overthink.cli.selection import command_again, title_of
    from overthink.report.experiments import NoBaselineError, report_on

    sections, without = [], []
    for name, runs in of_names.items():
        command, title = command_again(name, runs), title_of(name, runs)
        try:
            sections.append(report_on(store, title, runs, against, command, margin, over, shown))
        except NoBaselineError as error:
            without.append(error)
            sections.append(report_on(store, title, runs, None, command, over=over, shown=shown))
    if without and len(without) == len(of_names):
        raise without[0]
    for reason in without:
        print_text(console, f"No differences shown: {reason}")
    return sections
