"""`overthink sweep`: start a sweep, go on with one, show its best, confirm that with fresh seeds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from overthink.cli.commands.placed import ExecutionOptions
from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.cli.progress import progress_for
from overthink.cli.sweep_progress import sweep_progress
from overthink.definition.errors import DefinitionError
from overthink.launching.outcomes import Options
from overthink.report.grids import Grid, as_rich
from overthink.report.safe_text import print_text
from overthink.report.ui_views import ui_hint
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.uri import database_file, without_password
from overthink.sweep.best_definition import as_yaml, best_definition
from overthink.sweep.confirming import Confirmed, confirm
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.results import Results, TrialResult, results_of
from overthink.sweep.shown import best_grid, counted
from overthink.sweep.storage import opened, storage_uri
from overthink.sweep.study import existing
from overthink.sweep.sweeping import sweep as start


@dataclass(frozen=True)
class SweepOptions:
    """What the command line said."""

    placed: ExecutionOptions
    storage: str | None
    dry_run: bool
    best: bool
    confirm: int | None
    as_json: bool


def sweep(loaded: LoadedSweep, options: SweepOptions, console: Console) -> int:
    """Do what was asked for with a sweep; return the exit code."""
    uri = storage_uri(options.storage)
    if options.dry_run:
        return _dry_run(loaded, uri, console, options)
    if options.best:
        typer.echo(as_yaml(best_definition(loaded, _best(loaded, uri)), Path(loaded.source).name), nl=False)
        return OK
    store, settings = Store(), options.placed.options()
    if options.confirm is not None:
        return _confirm(loaded, uri, store, settings, options, console)
    with sweep_progress(console) as progress:
        swept = start(loaded, store, uri, settings, progress)
    found = swept.results
    console.print(
        f"{counted(found)}; {swept.seconds:.0f} s, {swept.tracking_seconds:.1f} s of it waiting for the store."
    )
    if options.as_json:
        typer.echo(json.dumps(_as_plain(loaded, found), indent=2))
    elif found.best:
        Console(highlight=False).print(as_rich(best_grid(loaded, found)))
    console.print(ui_hint(store, swept.experiment_id), soft_wrap=True)
    if swept.stop_reason:
        print_text(console, swept.stop_reason)
        return FAILURE
    lost = found.counts.get(tags.FAILED, 0) + found.counts.get(tags.DIVERGED, 0)
    return SOME_FAILED if lost and swept.told else OK


def _results(loaded: LoadedSweep, uri: str) -> Results:
    """Return what there is of a sweep, without making anything."""
    file = database_file(uri)
    if file is not None and not file.exists():
        return Results((), ())
    with opened(uri) as storage:
        study = existing(storage, loaded)
        return results_of(loaded, study) if study is not None else Results((), ())


def _best(loaded: LoadedSweep, uri: str) -> tuple[TrialResult, ...]:
    best = _results(loaded, uri).best
    if not best:
        raise DefinitionError(
            f"{loaded.source}: {without_password(uri)} has no finished trial of this sweep that keeps its bounds"
        )
    return best


def _dry_run(loaded: LoadedSweep, uri: str, console: Console, options: SweepOptions) -> int:
    found = _results(loaded, uri)
    open_trials = found.counts.get(tags.RUNNING, 0)
    left = max(loaded.sweep.wanted - sum(found.counts.values()), 0)
    if options.as_json:
        plain = {"study": loaded.study_name, "trials": found.counts, "to_begin": left, "to_go_on_with": open_trials}
        typer.echo(json.dumps(plain, indent=2))
        return OK
    print_text(console, f"{loaded.study_name}: {counted(found)}.")
    for path, parameter in loaded.sweep.space.items():
        plain = parameter.model_dump(mode="json", exclude_defaults=True)
        shown = {"choice": list(parameter.grid)} if "choice" in plain else plain
        print_text(console, f"  {path}: {json.dumps(shown)}")
    console.print(f"{left} trials would be begun. Nothing was done (--dry-run).")
    return OK


def _confirm(
    loaded: LoadedSweep, uri: str, store: Store, settings: Options, options: SweepOptions, console: Console
) -> int:
    assert options.confirm is not None
    best = _best(loaded, uri)
    with progress_for(console) as progress:
        found, outcomes, experiment = confirm(loaded, best, options.confirm, store, settings, progress)
    if options.as_json:
        typer.echo(json.dumps([_confirmed_plain(one) for one in found], indent=2))
    elif found:
        Console(highlight=False).print(as_rich(_confirmed_grid(found)))
    if outcomes.experiment_ids:
        console.print(ui_hint(store, outcomes.experiment_ids[experiment.experiment.name]), soft_wrap=True)
    return OK if outcomes.complete else SOME_FAILED if found else FAILURE


def _confirmed_grid(found: list[Confirmed]) -> Grid:
    rows = [
        [
            f"{one.trial.number}: {one.metric}",
            f"{one.swept:.4f}",
            f"{one.fresh.mean:.4f}" + (f" ± {one.fresh.std:.4f}" if one.fresh.std is not None else ""),
            f"[{one.fresh.low:.4f}, {one.fresh.high:.4f}]" if one.fresh.low is not None else "",
            f"{one.shrinkage:+.4f}",
        ]
        for one in found
    ]
    count = found[0].fresh.n
    caption = (
        f"Fresh: mean ± standard deviation over {count} seeds that the sweep never saw, 95% interval of that mean. "
        f"Shrinkage: how much worse that is than what the sweep chose it for; a best of many is partly luck."
    )
    return Grid(["Trial", "Sweep said", "Fresh seeds", "95% interval", "Shrinkage"], rows, caption)


def _confirmed_plain(one: Confirmed) -> dict[str, Any]:
    return {
        "trial": one.trial.number,
        "tried": one.trial.point,
        "metric": one.metric,
        "sweep": one.swept,
        "fresh": one.fresh._asdict(),
        "shrinkage": one.shrinkage,
        "run_ids": list(one.run_ids),
    }


def _as_plain(loaded: LoadedSweep, found: Results) -> dict[str, Any]:
    return {
        "study": loaded.study_name,
        "counts": found.counts,
        "objectives": [objective.metric for objective in loaded.sweep.objectives],
        "best": [trial.number for trial in found.best],
        "trials": [trial._asdict() for trial in found.trials],
    }
