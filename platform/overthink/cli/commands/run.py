"""`overthink run`: train what definitions ask for, and show the table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overthink.cli import options
from overthink.cli.execution_options import check_execution, launch_options, start_early
from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.cli.output import log, print_json, results
from overthink.cli.terminal import print_raw
from overthink.report.safe_text import print_text
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.definition.experiment import LoadedExperiment
    from overthink.launching.outcomes import Outcomes
    from overthink.launching.plan import PlannedRun
    from overthink.store.client import Store

ACTIONS = {
    "train": "to train",
    "resume": "to resume from a checkpoint",
    "done": "already finished",
    "diverged": "diverged before (use --force to train it again)",
    "busy": "being trained by another process",
    "queued": "finished, but not uploaded yet (use overthink sync)",
}


def run(  # noqa: PLR0913, PLR0917 - an option each
    definitions: options.DefinitionNames,
    settings: options.Settings = [],  # noqa: B006 - typer copies it
    seeds: options.Seeds = None,
    jobs: options.Jobs = None,
    device: options.Device = "auto",
    data_root: options.DataRoot = None,
    engine: options.Engine = "local",
    resources: options.Resources = None,
    dry_run: options.DryRun = False,
    force: Annotated[bool, typer.Option("--force", help="Train runs again that are already finished.")] = False,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="Train every phase; do not reuse phases that another run has trained.")
    ] = False,
    as_json: options.Json = False,
) -> int:
    """Train the runs of definitions and show the overthinking table.

    Runs that are already finished in the store are not trained again; interrupted runs resume from their checkpoint.
    """
    check_execution(device, engine, resources)
    from overthink.cli.definitions import load_definitions

    experiments = load_definitions(definitions, settings, seeds)
    if dry_run:
        return _show_plan(experiments, force, not no_reuse, as_json)
    how = launch_options(jobs, device, data_root, engine, resources, force, reuse=not no_reuse)
    start_early(how)
    from overthink.cli.progress import progress_for
    from overthink.launching.launch import launch
    from overthink.store.client import Store

    console, store = log(), Store()
    with progress_for(console) as progress:
        outcomes = launch(store, experiments, how, progress)
    _show_outcomes(outcomes, console)
    if outcomes.pending is not None:  # the table is made from the store
        print_text(console, f"{outcomes.pending}.")
        return SOME_FAILED
    _show_table(store, experiments, outcomes, as_json, console)
    if outcomes.complete:
        return OK
    return SOME_FAILED if outcomes.runs.keys() & {tags.FINISHED, "done"} else FAILURE


def _show_plan(experiments: "Sequence[LoadedExperiment]", force: bool, reuse: bool, as_json: bool) -> int:
    from overthink.launching.plan import TO_DO, plan
    from overthink.store.client import Store
    from overthink.store.uri import database_file, tracking_uri

    database = database_file(tracking_uri())
    store = None if database is not None and not database.exists() else Store()  # opening one would create it
    runs, console = plan(store, experiments, force, reuse, dry=True), log()
    if as_json:
        print_json([_as_plain(run) for run in runs])
        return OK
    for run in runs:
        begins = f", starting from the phases of run {run.parent.key}" if run.parent else ""
        print_text(console, f"{run.key}  {run.name}: {ACTIONS[run.action]}{begins}")
    todo = sum(run.action in TO_DO for run in runs)
    console.print(f"{todo} of {len(runs)} runs would be trained. Nothing was done (--dry-run).")
    return OK


def _as_plain(run: "PlannedRun") -> dict[str, str | None]:
    parent = run.parent.key if run.parent else None
    return {"name": run.name, "run_key": run.key, "action": run.action, "parent_run_key": parent}


def _show_outcomes(outcomes: "Outcomes", console: Console) -> None:
    for outcome, runs in outcomes.runs.items():
        for run in runs:
            if outcome not in (tags.FINISHED, "done"):
                message = outcomes.messages.get(run.key) or ACTIONS.get(outcome, "")
                print_text(console, f"{run.name}: {outcome}: {message}")
    for group, message in outcomes.unaggregated.items():
        print_text(console, f"{group}: its runs could not be aggregated: {message}")
    counts = {outcome: len(runs) for outcome, runs in outcomes.runs.items()}
    if set(counts) == {"done"}:
        console.print(f"All {counts['done']} runs were already finished; nothing was trained.")
    else:
        parts = ", ".join(f"{count} {'already finished' if kind == 'done' else kind}" for kind, count in counts.items())
        console.print(
            f"{parts}; {outcomes.seconds:.0f} s, {outcomes.tracking_seconds:.1f} s of it waiting for the store."
        )


def _show_table(
    store: "Store",
    experiments: "Sequence[LoadedExperiment]",
    outcomes: "Outcomes",
    as_json: bool,
    console: Console,
) -> None:
    from overthink.comparison.overthinking import overthinking_rows
    from overthink.report.policy_table import POLICY
    from overthink.report.table_files import as_json as json_of
    from overthink.report.tables import OVERTHINKING, as_rich
    from overthink.report.ui_views import ui_hint
    from overthink.store.reader import find_runs

    keys = dict.fromkeys(group.definition.key for experiment in experiments for group in experiment.groups)
    runs = [run for key in keys for run in find_runs(store, group_key=key)]
    for layout, policies in ((OVERTHINKING, False), (POLICY, True)):
        rows = overthinking_rows((run for run in runs if run.is_policy == policies), metrics=layout.metrics)
        if rows and as_json:
            print_raw(json_of(rows, layout) + "\n")
        elif rows:
            results().print(as_rich(rows, layout))
    if outcomes.experiment_ids:
        console.print(ui_hint(store, next(iter(outcomes.experiment_ids.values()))), soft_wrap=True)
