"""`overthink analyse`: what stored predictions say in depth, added to runs and groups in the store."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from overthink.cli.commands.chosen import chosen_runs
from overthink.cli.commands.output_path import check_folder
from overthink.cli.exit_codes import OK
from overthink.cli.progress import counted
from overthink.comparison.arms import runs_of_group
from overthink.report.analysis import Analysed, analyse, figures_of
from overthink.report.export import exporting, slug
from overthink.report.safe_text import print_text
from overthink.report.ui_views import ui_hint
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun, newest_per_key


def analyse_runs(names: Sequence[str], export_to: Path | None, as_json: bool, console: Console) -> int:
    """Analyse the finished runs of definitions, experiments or run ids, and their groups; export their figures."""
    if export_to is not None:
        check_folder("--export", export_to)
    store = Store()
    # What there is to know of a policy network is computed as its run ends.
    chosen = [run for run in chosen_runs(store, names) if not run.is_policy]
    runs = newest_per_key(run for run in chosen if not run.is_group).values()
    finished = [run for run in runs if run.outcome == tags.FINISHED]
    groups = [run for run in chosen if run.is_group]
    done = []
    for entry in analyse(store, finished, groups):
        done.append(entry)
        print_text(console, f"{entry.run.name}: {'analysed' if entry.new else 'nothing new'}")
    if as_json:
        typer.echo(json.dumps([_as_plain(entry) for entry in done], indent=2))
    new = sum(entry.new for entry in done)
    console.print(f"{len(finished)} finished runs and {len(done) - len(finished)} groups; {new} of them were new.")
    if export_to is not None:
        _export(store, finished, groups, export_to, console)
    if done:
        console.print(ui_hint(store, done[0].run.experiment_id), soft_wrap=True)
        console.print(f"The figures are in each run's artifact {tags.ANALYSIS_PAGE}.")
    return OK


def _export(
    store: Store, runs: Sequence[StoredRun], groups: Sequence[StoredRun], folder: Path, console: Console
) -> None:
    """Write the figures of every run and group into a folder of its own."""
    shown = {run.run_id: [run] for run in runs} | {group.run_id: runs_of_group(group, runs) for group in groups}
    entries = [entry for entry in (*runs, *groups) if shown[entry.run_id]]
    if not entries:
        return
    with counted(console, "figures", len(entries)) as done, exporting() as export:
        for entry in entries:
            place = folder / f"{slug(entry.name)}-{entry.run_id[:8]}"
            files = export(figures_of(store, shown[entry.run_id]), place)
            done(f"{place}: {len(files)} files")
    print_text(console, f"{folder}: the figures of {len(entries)} runs and groups.")


def _as_plain(entry: Analysed) -> dict[str, str | bool]:
    return {"run_id": entry.run.run_id, "name": entry.run.name, "new": entry.new}
