"""`overthink report`: one page about experiments, to keep and to send."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from overthink.cli.commands.chosen import chosen_runs, command_again, not_run
from overthink.cli.commands.output_path import check_file
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.report.experiments import ExperimentReport, NoBaselineError, report_on
from overthink.report.pages import document
from overthink.report.safe_text import print_text
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer


def report(names: Sequence[str], output: Path, against: str | None, console: Console) -> int:
    """Write the page, and add it to the groups that it shows; 3 where runs are missing from it."""
    check_file("--output", output)
    store = Store()
    told = _told(store, names, against, console)
    if not any(one.sections for one in told):
        raise not_run(store, names)
    page = document(", ".join(names), [section for one in told for section in one.sections])
    output.write_text(page)
    writer = Writer(store)
    for group in (group for one in told for group in one.groups):
        writer.text(group.run_id, tags.REPORT_PAGE, page)
    print_text(console, f"{output}: {len(page) / 1e6:.1f} MB, opens offline; also artifact {tags.REPORT_PAGE}")
    return SOME_FAILED if any(one.missing for one in told) else OK


def _told(store: Store, names: Sequence[str], against: str | None, console: Console) -> list[ExperimentReport]:
    """Tell of each name; one that has no such baseline without differences, and says so, unless none has it."""
    told, without = [], []
    for name in names:
        runs = chosen_runs(store, [name])
        try:
            told.append(report_on(store, name, runs, against, command_again(name, runs)))
        except NoBaselineError as error:
            without.append(error)
            told.append(report_on(store, name, runs, None, command_again(name, runs)))
    if without and len(without) == len(names):
        raise without[0]
    for reason in without:
        print_text(console, f"Without differences: {reason}")
    return told
