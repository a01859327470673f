"""`overthink run`: plan, launch, show the table and where to look."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import typer
from rich.console import Console

from overthink.cli.commands.placed import ExecutionOptions
from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.cli.progress import progress_for
from overthink.comparison.overthinking import overthinking_rows
from overthink.definition.experiment import LoadedExperiment
from overthink.launching.launch import launch
from overthink.launching.outcomes import Outcomes
from overthink.launching.plan import TO_DO, PlannedRun, plan
from overthink.report.policy_table import POLICY
from overthink.report.safe_text import print_text
from overthink.report.table_files import as_json
from overthink.report.tables import OVERTHINKING, as_rich
from overthink.report.ui_views import ui_hint
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import find_runs
from overthink.store.uri import database_file, tracking_uri

DOINGS = {
    "train": "to train",
    "resume": "to go on with from a checkpoint",
    "done": "finished already",
    "diverged": "diverged earlier (--force trains them anew)",
    "busy": "being trained by another process",
    "queued": "here, but not in the store yet (overthink sync delivers it)",
}


@dataclass(frozen=True)
class RunOptions:
    """What the command line said."""

    placed: ExecutionOptions
    dry_run: bool
    force: bool
    reuse: bool
    as_json: bool


def run(experiments: Sequence[LoadedExperiment], options: RunOptions, console: Console) -> int:
    """Launch the experiments; return the exit code."""
    if options.dry_run:
        database = database_file(tracking_uri())
        looked_at = None if database is not None and not database.exists() else Store()  # opening one would make it
        planned = plan(looked_at, experiments, options.force, options.reuse, dry=True)
        return _show_plan(planned, options, console)
    store = Store()
    settings = replace(options.placed.options(), force=options.force, reuse=options.reuse)
    with progress_for(console) as progress:
        outcomes = launch(store, experiments, settings, progress)
    _show_outcomes(outcomes, console)
    if outcomes.pending is not None:  # the table is made from the store
        print_text(console, f"{outcomes.pending}.")
        return SOME_FAILED
    _show_table(store, experiments, options, outcomes, console)
    if outcomes.complete:
        return OK
    return SOME_FAILED if outcomes.runs.keys() & {tags.FINISHED, "done"} else FAILURE


def _show_plan(runs: Sequence[PlannedRun], options: RunOptions, console: Console) -> int:
    if options.as_json:
        typer.echo(json.dumps([_as_plain(run) for run in runs], indent=2))
    else:
        for run in runs:
            begins = f", beginning with the phases of run {run.parent.key}" if run.parent else ""
            print_text(console, f"{run.key}  {run.name}: {DOINGS[run.action]}{begins}")
        todo = sum(run.action in TO_DO for run in runs)
        console.print(f"{todo} of {len(runs)} runs would be trained. Nothing was done (--dry-run).")
    return OK


def _as_plain(run: PlannedRun) -> dict[str, str | None]:
    parent = run.parent.key if run.parent else None
    return {"name": run.name, "run_key": run.key, "action": run.action, "parent_run_key": parent}


def _show_outcomes(outcomes: Outcomes, console: Console) -> None:
    for outcome, runs in outcomes.runs.items():
        for run in runs:
            if outcome not in (tags.FINISHED, "done"):
                message = outcomes.messages.get(run.key) or DOINGS.get(outcome, "")
                print_text(console, f"{run.name}: {outcome}: {message}")
    for group, message in outcomes.unaggregated.items():
        print_text(console, f"{group}: its runs could not be put together: {message}")
    counts = {outcome: len(runs) for outcome, runs in outcomes.runs.items()}
    if set(counts) == {"done"}:
        console.print(f"All {counts['done']} runs were finished already: nothing was trained.")
    else:
        said = ", ".join(f"{count} {'finished already' if kind == 'done' else kind}" for kind, count in counts.items())
        console.print(
            f"{said}; {outcomes.seconds:.0f} s, {outcomes.tracking_seconds:.1f} s of it waiting for the store."
        )


def _show_table(
    store: Store,
    experiments: Sequence[LoadedExperiment],
    options: RunOptions,
    outcomes: Outcomes,
    console: Console,
) -> None:
    keys = dict.fromkeys(group.definition.key for experiment in experiments for group in experiment.groups)
    runs = [run for key in keys for run in find_runs(store, group_key=key)]
    for layout, policies in ((OVERTHINKING, False), (POLICY, True)):
        rows = overthinking_rows((run for run in runs if (tags.TASK in run.tags) == policies), metrics=layout.metrics)
        if rows and options.as_json:
            typer.echo(as_json(rows, layout))
        elif rows:
            Console(highlight=False).print(as_rich(rows, layout))
    if outcomes.experiment_ids:
        console.print(ui_hint(store, next(iter(outcomes.experiment_ids.values()))), soft_wrap=True)
