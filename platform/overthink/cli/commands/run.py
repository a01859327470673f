"""`overthink run`: train what definitions ask for, and show the table."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overthink.cli import options
from overthink.cli.execution_options import check_execution, launch_options, start_early
from overthink.cli.exit_codes import OK
from overthink.cli.outcomes import ACTIONS, exit_code_of, outcomes_as_plain, show_outcomes
from overthink.cli.output import log, print_json, print_table
from overthink.report.safe_text import print_text
from overthink.sentences import number_of
from overthink.store.tags import FINISHED

if TYPE_CHECKING:
    from overthink.comparison.overthinking import Row
    from overthink.definition.experiment import LoadedExperiment
    from overthink.launching.outcomes import Options, Outcomes
    from overthink.launching.planned_run import PlannedRun
    from overthink.launching.settled import Settled
    from overthink.report.tables import Layout
    from overthink.store.client import Store
    from overthink.store.readable_store import ReadableStore
    from overthink.store.stored import StoredRun


def run(  # noqa: PLR0913, PLR0917 - an option each
    definitions: options.DefinitionNames,
    settings: options.Settings = [],  # noqa: B006 - typer copies it
    seeds: options.Seeds = None,
    jobs: options.Jobs = None,
    device: options.Device = "auto",
    kernels: options.Kernels = "auto",
    data_root: options.DataRoot = None,
    engine: options.Engine = "local",
    resources: options.Resources = None,
    dry_run: options.DryRun = False,
    estimate: options.Estimate = False,
    force: Annotated[bool, typer.Option("--force", help="Train runs again that are already finished.")] = False,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="Train every phase; do not reuse phases that another run has trained.")
    ] = False,
    corruption: Annotated[
        list[str],
        typer.Option(
            metavar="KIND:SEVERITY",
            help="Also test on corrupted images, e.g. gaussian-noise:3, without training again. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    models: Annotated[
        bool | None,
        typer.Option(
            "--models/--no-models",
            help="Store networks as MLflow models: of all runs that have none yet, or of none. "
            "Default: of the runs that this command trains.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Train the runs of definitions and show the overthinking table.

    Runs that are already finished in the store are not trained again; interrupted runs resume from their checkpoint.
    """
    check_execution(device, engine, resources, kernels)
    from overthink.cli.definitions import load_definitions

    experiments = load_definitions(definitions, settings, seeds, list(dict.fromkeys(corruption)))
    how = launch_options(jobs, device, data_root, engine, resources, kernels, force, not no_reuse, estimate)
    how = replace(how, models=models is not False)
    from overthink.launching.settled import settled
    from overthink.store.uri import tracking_uri

    finished = settled(experiments, how, tracking_uri())
    if finished is not None and not dry_run and not models:
        return _show_finished(finished, how, as_json)
    if dry_run:
        return _show_plan(experiments, how, as_json, finished)
    from overthink.cli.preflight import refuse
    from overthink.launching.preflight import obstacles

    refuse(obstacles(experiments, how, tracking_uri()))  # before a store is made
    start_early(how)
    from overthink.cli.progress import progress_for
    from overthink.launching.launch import launch
    from overthink.report.ui_views import ui_hint
    from overthink.store.client import Store

    console, store = log(), Store()

    with progress_for(console, partial(_needed, how=how)) as progress:
        outcomes = launch(store, experiments, how, progress)
    # The tables are made from the store, which may be unreachable where something could not be uploaded.
    runs = [] if outcomes.pending is not None else _runs_of(store, experiments)
    _show(outcomes, runs, store.uri, as_json)
    to_store = _to_be_models(runs, outcomes, models)
    if to_store:
        from overthink.cli.run_models import store_models

        store_models(store, to_store, data_root)
    if outcomes.experiment_ids and outcomes.pending is None:
        console.print(ui_hint(store, next(iter(outcomes.experiment_ids.values()))), soft_wrap=True)
    return exit_code_of(outcomes)


def _to_be_models(runs: "Sequence[StoredRun]", outcomes: "Outcomes", asked: bool | None) -> "Sequence[StoredRun]":
    if asked is not None:
        return runs if asked else []
    trained = {run.key for run in outcomes.runs.get(FINISHED, [])}
    return [run for run in runs if run.run_key in trained]


def _show_finished(finished: "Settled", how: "Options", as_json: bool) -> int:
    """Do what a launch of runs that are all finished does: show their table."""
    from overthink.cli.progress import progress_for
    from overthink.launching.changed_data import changed_data
    from overthink.launching.outcomes import Outcomes
    from overthink.report.ui_views import local_hint
    from overthink.store.uri import tracking_uri

    console, outcomes = log(), Outcomes()
    with progress_for(console) as progress:
        progress.on_plan(finished.runs)
        for sentence in changed_data(finished.runs, how.data_root):
            progress.on_message(f"{sentence}.")
    for run in finished.runs:
        outcomes.add(run.action, run)
    _say_if_unneeded(how)
    _show(outcomes, finished.stored, tracking_uri(), as_json)
    console.print(local_hint(finished.experiment_id, view=finished.view), soft_wrap=True)
    return exit_code_of(outcomes)


def _show_plan(
    experiments: "Sequence[LoadedExperiment]", how: "Options", as_json: bool, finished: "Settled | None"
) -> int:
    from overthink.cli.preflight import note, would_be_done
    from overthink.launching.changed_data import changed_data
    from overthink.launching.design_cost import design_costs
    from overthink.launching.planned_run import TO_DO
    from overthink.launching.shared_epochs import shared_epochs_text
    from overthink.store.uri import tracking_uri

    console = log()
    runs, store, possible = (finished.runs, None, True) if finished is not None else _planned(experiments, how)
    for sentence in changed_data(runs, how.data_root):
        print_text(console, f"{sentence}.")
    todo = sum(run.action in TO_DO for run in runs)
    if todo:
        from overthink.launching.estimating.estimate import estimated

        runs = estimated(runs, tracking_uri(), how, partial(print_text, console))
    if as_json:
        print_json([_as_plain(run) for run in runs])
        return OK
    for run in runs:
        begins = f", starting from {_shared(run)} of run {run.parent.key}" if run.parent else ""
        if run.labelled_by:
            begins += f", with labels averaged over runs {', '.join(of.key for of in run.labelled_by)}"
        print_text(console, f"{run.key}  {run.name}: {ACTIONS[run.action]}{begins}")
    for cost in design_costs(runs, store):
        print_text(console, cost.text)
    if shared := shared_epochs_text(runs):
        print_text(console, shared)
    if todo:
        from overthink.launching.estimating.disk_needed import disk_needed, lacking_room

        for sentence in _needed(runs, how):
            print_text(console, sentence)
        possible = not note(lacking_room(disk_needed(runs, how.models), tracking_uri())) and possible
    else:
        _say_if_unneeded(how)
    console.print(would_be_done(f"{todo} of {number_of(len(runs), 'run')}", "trained", possible), soft_wrap=True)
    return OK


def _say_if_unneeded(how: "Options") -> None:
    """Say that a device that was asked for is not looked for, since nothing is to be trained."""
    if how.device.startswith("cuda"):
        log().print(f"--device {how.device} is not looked for: there is nothing to train.")


def _needed(runs: "Sequence[PlannedRun]", how: "Options") -> list[str]:
    """Return a sentence on the time that runs take, and one on their room, where these are known."""
    from overthink.launching.estimating.disk_needed import disk_needed
    from overthink.launching.estimating.time_needed import time_needed

    return [found.text for found in (time_needed(runs, how.jobs), disk_needed(runs, how.models)) if found is not None]


def _shared(run: "PlannedRun") -> str:
    fork = run.run.seeds.fork
    return "the phases" if fork is None else f"epoch {fork.at}"


def _planned(
    experiments: "Sequence[LoadedExperiment]", how: "Options"
) -> "tuple[list[PlannedRun], ReadableStore | None, bool]":
    """Return what there is to do, the store if there is one, and whether it can be done here; say what keeps it."""
    from overthink.cli.preflight import note
    from overthink.launching.kernels_choice import KernelsChoice
    from overthink.launching.plan import plan
    from overthink.launching.preflight import obstacles
    from overthink.store.local_store import store_to_read
    from overthink.store.uri import tracking_uri

    store = store_to_read()
    experiments = KernelsChoice(how, store, partial(print_text, log())).experiments(experiments)
    runs = plan(store, experiments, how.force, how.reuse, dry=True)
    return runs, store, not note(obstacles(experiments, how, tracking_uri()))


def _as_plain(run: "PlannedRun") -> dict[str, Any]:
    return {
        "name": run.name,
        "run_key": run.key,
        "kernels": run.run.kernels,
        "action": run.action,
        "parent_run_key": run.parent.key if run.parent else None,
        "labelled_by_run_keys": [of.key for of in run.labelled_by],
    }


def _runs_of(store: "Store", experiments: "Sequence[LoadedExperiment]") -> "list[StoredRun]":
    """Return the stored runs of experiments, by whichever kernels, and their groups."""
    from overthink.store.finding import find_runs

    groups = (group for experiment in experiments for group in experiment.groups)
    keys = dict.fromkeys(one.key for group in groups for one in group.definition.by_either_kernels)
    return [run for key in keys for run in find_runs(store, group_key=key)]


def _show(outcomes: "Outcomes", runs: "Sequence[StoredRun]", uri: str, as_json: bool) -> None:
    show_outcomes(outcomes, log())
    tables = _tables(runs, uri)
    if as_json:
        _print_document(outcomes, tables)
    else:
        _print_tables(tables)


def _tables(runs: "Sequence[StoredRun]", uri: str) -> "list[tuple[Layout, list[Row]]]":
    """Return the overthinking table of runs, and that of policy networks."""
    from overthink.cli.intervals import crossed
    from overthink.comparison.overthinking import overthinking_rows
    from overthink.report.policy_table import POLICY
    from overthink.report.tables import OVERTHINKING

    tables = []
    for layout, policies in ((OVERTHINKING, False), (POLICY, True)):
        rows = overthinking_rows((run for run in runs if run.is_policy == policies), metrics=layout.metrics)
        tables.append((layout, crossed(rows, "both", uri, log())))
    return tables


def _print_tables(tables: "list[tuple[Layout, list[Row]]]") -> None:
    from overthink.report.tables import as_rich

    for layout, rows in tables:
        if rows:
            print_table(as_rich(rows, layout))


def _print_document(outcomes: "Outcomes", tables: "list[tuple[Layout, list[Row]]]") -> None:
    """Print one JSON document: outcomes, the overthinking table, and under `policy` that of policy networks."""
    from overthink.report.table_files import as_plain

    networks, policies = (as_plain(rows, layout) for layout, rows in tables)
    print_json({**outcomes_as_plain(outcomes), **networks, "policy": policies})
