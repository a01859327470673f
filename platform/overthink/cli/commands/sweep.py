"""`overthink sweep`: start or resume a sweep, show its best trial, and train that with new seeds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.execution_options import check_execution, launch_options, start_early
from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.cli.outcomes import exit_code_of, outcomes_as_plain, show_outcomes, took
from overthink.cli.output import log, print_grid, print_json
from overthink.cli.planned_sweep import results_so_far, show_plan, sweep_obstacles
from overthink.cli.terminal import print_raw
from overthink.comparison.ranges import range_of
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text
from overthink.report.undetermined import explained, plain_ends
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.launching.outcomes import Options
    from overthink.sweep.confirmation import Confirmed
    from overthink.sweep.definition import LoadedSweep
    from overthink.sweep.results import Results, TrialResult
    from overthink.sweep.settled import SettledSweep


def sweep(  # noqa: PLR0913, PLR0917 - an option each
    name: Annotated[str, typer.Argument(metavar="SWEEP", help="Sweep file, or name of a shipped sweep.")],
    trials: Annotated[
        int | None,
        typer.Option(metavar="N", help="Total number of trials, instead of the file's. Same as --set trials=N.", min=1),
    ] = None,
    settings: options.Settings = [],  # noqa: B006 - typer copies it
    jobs: options.Jobs = None,
    device: options.Device = "auto",
    kernels: options.Kernels = "auto",
    data_root: options.DataRoot = None,
    engine: options.Engine = "local",
    resources: options.Resources = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Optuna storage. Default: OPTUNA_STORAGE, else optuna.db in the folder of the store.",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    estimate: options.Estimate = False,
    best: Annotated[
        bool, typer.Option("--best", help="Print the best trial as a definition file with new seeds.")
    ] = False,
    confirm: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Train the best trials with N new seeds, and show how much worse they are then.", min=1
        ),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Search for the best values of a definition with Optuna; each trial is a group of runs.

    Run the same command again to resume a sweep, or to add trials to it.
    """
    if sum((dry_run, best, confirm is not None)) > 1:
        raise ValueError("--dry-run, --best and --confirm exclude each other; give one of them")
    check_execution(device, engine, resources, kernels)
    from overthink.definition.source import SWEEPS, find
    from overthink.sweep.definition import load_sweep

    loaded = load_sweep(find(name, SWEEPS), (*settings, *([f"trials={trials}"] if trials is not None else [])))
    from overthink.sweep.storage import storage_uri

    uri = storage_uri(storage)
    how = launch_options(jobs, device, data_root, engine, resources, kernels, estimate=estimate)
    if dry_run:
        return show_plan(loaded, uri, how, as_json)
    if best:
        from overthink.sweep.best_definition import as_yaml, best_definition

        found = best_definition(*_best(loaded, uri))
        if as_json:
            print_json(found)
        else:
            print_raw(as_yaml(found, Path(loaded.source).name))
        return OK
    if confirm is None:
        from overthink.cli.preflight import refuse
        from overthink.store.uri import tracking_uri
        from overthink.sweep.settled import settled_sweep

        if (settled := settled_sweep(loaded, uri, how, tracking_uri())) is not None:
            return _show_settled(settled, how, as_json)
        refuse(sweep_obstacles(loaded, uri, how))
    start_early(how)
    return _search(loaded, uri, how, as_json) if confirm is None else _confirm(loaded, uri, how, confirm, as_json)


def _show_settled(settled: "SettledSweep", how: "Options", as_json: bool) -> int:
    """Do what a call of a sweep that has all its trials does: show its results."""
    from overthink.report.ui_views import local_hint
    from overthink.store.local_store import store_to_read
    from overthink.sweep.changed_data import changed_data
    from overthink.sweep.summary import best_grid

    console, loaded, found = log(), settled.loaded, settled.results
    for sentence in changed_data(loaded, store_to_read(), how.data_root):
        print_text(console, f"{sentence}.")
    console.print(f"{found.counted}; nothing was trained.")
    if as_json:
        print_json(_as_plain(loaded, found, {}, None))
    elif found.best:
        print_grid(best_grid(loaded, found))
    console.print(local_hint(settled.experiment_id, view=settled.view), soft_wrap=True)
    return OK


def _search(loaded: "LoadedSweep", uri: str, how: "Options", as_json: bool) -> int:
    from overthink.cli.sweep_progress import sweep_progress
    from overthink.report.ui_views import ui_hint
    from overthink.store.client import Store
    from overthink.sweep.summary import best_grid
    from overthink.sweep.sweeping import sweep

    console, store = log(), Store()
    with sweep_progress(console) as progress:
        swept = sweep(loaded, store, uri, how, progress)
    loaded, found = swept.loaded, swept.results
    console.print(f"{found.counted}; {took(swept.seconds, swept.estimated, swept.tracking_seconds)}.")
    if as_json:
        print_json(_as_plain(loaded, found, swept.ended, swept.stop_reason or None))
    elif found.best:
        print_grid(best_grid(loaded, found))
    console.print(ui_hint(store, swept.experiment_id), soft_wrap=True)
    if swept.stop_reason:
        print_text(console, swept.stop_reason)
        return FAILURE
    lost = found.counts.get(tags.FAILED, 0) + found.counts.get(tags.DIVERGED, 0)
    return SOME_FAILED if lost and swept.ended else OK


def _best(loaded: "LoadedSweep", uri: str) -> "tuple[LoadedSweep, tuple[TrialResult, ...]]":
    from overthink.store.uri import without_password

    loaded, found = results_so_far(loaded, uri)
    if not found.best:
        raise ValueError(
            f"{loaded.source}: {without_password(uri)} has no finished trial of this sweep that is within its bounds"
        )
    return loaded, found.best


def _confirm(loaded: "LoadedSweep", uri: str, how: "Options", seeds: int, as_json: bool) -> int:
    from overthink.cli.progress import progress_for
    from overthink.report.ui_views import ui_hint
    from overthink.store.client import Store
    from overthink.sweep.confirmation import confirm

    (loaded, best), console, store = _best(loaded, uri), log(), Store()
    with progress_for(console) as progress:
        found, outcomes, experiment = confirm(loaded, best, seeds, store, how, progress)
    show_outcomes(outcomes, console)
    if as_json:
        print_json({**outcomes_as_plain(outcomes), "confirmed": [_confirmed_as_plain(one) for one in found]})
    elif found:
        print_grid(_confirmed_grid(found))
    if outcomes.experiment_ids:
        console.print(ui_hint(store, outcomes.experiment_ids[experiment.experiment.name]), soft_wrap=True)
    return exit_code_of(outcomes)


def _confirmed_grid(found: "list[Confirmed]") -> Grid:
    rows = [
        [
            f"{one.trial.number}: {one.metric}",
            str(one.fresh.n),
            f"{one.swept:.4f}" + ("" if one.over_seeds == "mean" else f"\n{one.over_seeds}"),
            f"{one.fresh.mean:.4f}" + (f" ± {one.fresh.std:.4f}" if one.fresh.std is not None else ""),
            _ends(one.fresh.low, one.fresh.high, one.metric),
            "-" if one.shrinkage is None else f"{one.shrinkage:+.4f}",
        ]
        for one in found
    ]
    caption = (
        "New seeds: mean ± standard deviation over n seeds that the sweep did not use, 95% interval of this mean. "
        "In sweep: mean over the seeds of the trial, unless another measure is named. Shrinkage: how much worse the "
        "new seeds are by the same measure (-: it depends on the number of seeds, which differs); the best of many "
        "trials is partly chance."
    )
    return explained(Grid(["Trial", "n", "In sweep", "New seeds", "95% interval", "Shrinkage"], rows, caption))


def _ends(low: float | None, high: float | None, metric: str) -> str:
    return "" if low is None or high is None else plain_ends(low, high, ".4f", range_of(metric))


def _confirmed_as_plain(one: "Confirmed") -> dict[str, object]:
    return {
        "trial": one.trial.number,
        "tried": one.trial.point,
        "metric": one.metric,
        "sweep": one.swept,
        "over_seeds": one.over_seeds,
        "fresh": one.fresh._asdict(),
        "shrinkage": one.shrinkage,
        "run_ids": list(one.run_ids),
    }


def _as_plain(loaded: "LoadedSweep", found: "Results", ended: dict[str, int], stopped: str | None) -> dict[str, object]:
    return {
        "study": loaded.study_name,
        "counts": found.counts,
        "objectives": [objective.metric for objective in loaded.sweep.objectives],
        "best": [trial.number for trial in found.best],
        "trials": [trial._asdict() for trial in found.trials],
        "ended_now": ended,
        "stopped": stopped,
    }
