"""`overthink analyse`: budgets, figures and metrics from stored predictions, added to runs and groups in the store."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_json, print_problems
from overthink.cli.output_path import check_folder
from overthink.report.safe_text import print_text
from overthink.sentences import number_of
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.report.analysis import Analysed
    from overthink.store.client import Store
    from overthink.store.stored import StoredRun


def analyse(
    names: options.Runs = None,
    export: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the figures to this folder, as PNG, SVG, and PDF.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Compute budgets, figures, and metrics from stored predictions, and add them to runs and groups."""
    if export is not None:
        check_folder("--export", export)
    from overthink.cli.selection import runs_named
    from overthink.store.local_store import store_to_read

    chosen = runs_named(store_to_read(), names or [])  # MLflow takes seconds, so after what may be refused
    from overthink.report.analysis import analyse as analysed
    from overthink.report.ui_views import ui_hint
    from overthink.store.client import Store
    from overthink.store.stored import finished_per_key
    from overthink.store.unreadable import problems_of

    store, console = Store(), log()
    newest = finished_per_key(run for run in chosen if not run.is_group)
    finished = [run for run in newest if not run.is_policy]
    policies = [run for run in newest if run.is_policy]
    groups = [run for run in chosen if run.is_group and not run.is_policy]
    of_policies = [run for run in chosen if run.is_group and run.is_policy]
    done = []
    for entry in chain(analysed(store, finished, groups), _policies(store, policies, of_policies)):
        done.append(entry)
        standing = "analysed" if entry.new else "not analysed" if entry.problems else "already analysed"
        print_text(console, f"{entry.run.name}: {standing}")
    problems = [problem for entry in done for problem in entry.problems]
    if as_json:
        print_json([{"run_id": entry.run.run_id, "name": entry.run.name, "new": entry.new} for entry in done])
    new = sum(entry.new for entry in done)
    console.print(
        f"{number_of(len(finished), 'finished run')} and {number_of(len(groups) + len(of_policies), 'group')}; "
        f"{new} newly analysed."
    )
    if export is not None:
        problems += _export(store, finished, groups, export, console)
    print_problems(console, [*problems_of(chosen), *problems])
    if done:
        console.print(ui_hint(store, done[0].run.experiment_id), soft_wrap=True)
        console.print(f"Figures: artifact {tags.ANALYSIS_PAGE} of each run; {tags.FIGURES_PAGE} of policy networks.")
    return SOME_FAILED if problems else OK


def _policies(store: "Store", runs: "Sequence[StoredRun]", groups: "Sequence[StoredRun]") -> "Iterator[Analysed]":
    if not groups:
        return
    from overthink.report.policy_group import analyse_policies  # torch

    yield from analyse_policies(store, runs, groups)


def _export(
    store: "Store", runs: "Sequence[StoredRun]", groups: "Sequence[StoredRun]", folder: Path, console: Console
) -> list[str]:
    """Write the figures of each run and group to a folder of its own; return what cannot be read."""
    from overthink.cli.progress import counted
    from overthink.comparison.arms import runs_of_primary_arm
    from overthink.report.analysis import figures_of
    from overthink.report.export import exporting, slug

    shown = {run.run_id: [run] for run in runs} | {group.run_id: runs_of_primary_arm(group, runs) for group in groups}
    entries = [entry for entry in (*runs, *groups) if shown[entry.run_id]]
    problems: list[str] = []
    if not entries:
        return problems
    with counted(console, "figures", len(entries)) as done, exporting() as export:
        for entry in entries:
            place = folder / f"{slug(entry.name)}-{entry.run_id[:8]}"
            figures = figures_of(store, shown[entry.run_id])
            problems += figures.problems
            files = export(figures.shown, place) if figures.shown else []
            done(f"{place}: {len(files)} files")
    print_text(console, f"{folder}: figures of {len(entries)} runs and groups")
    return problems
