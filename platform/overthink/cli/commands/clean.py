"""`overthink clean`: what takes space, and deleting it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.report.safe_text import print_text

if TYPE_CHECKING:
    from overthink.launching.cleaning import Removable

TITLES = {
    "cache": "copies of what stores have",
    "leftovers": "run folders of runs finished elsewhere",
    "checkpoints": "checkpoints of finished runs",
    "models": "MLflow models of finished runs",
    "pages": "HTML pages of finished runs and groups",
    "deleted": "runs in MLflow's trash",
}
SAFE = ("cache", "leftovers")
OPTIONS = {"cache": "--cache", "leftovers": "--cache"}
"""Of kinds whose option has another name than they."""


def clean(
    cache: Annotated[
        bool, typer.Option("--cache", help="Delete copies and leftovers; that is what goes without options, too.")
    ] = False,
    checkpoints: Annotated[
        bool,
        typer.Option(
            "--checkpoints",
            help="Delete checkpoints and snapshots of finished runs; predict and others then refuse these.",
        ),
    ] = False,
    models: Annotated[
        bool, typer.Option("--models", help="Delete MLflow models of finished runs that are not registered.")
    ] = False,
    pages: Annotated[
        bool, typer.Option("--pages", help="Delete HTML pages of finished runs and groups; they are not made again.")
    ] = False,
    deleted: Annotated[bool, typer.Option("--deleted", help="Delete runs in MLflow's trash for good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do delete. Without it nothing is deleted.")] = False,
    as_json: options.Json = False,
) -> int:
    """Show what takes space in the store, the state folder and the cache, and delete it with --yes.

    Nothing of a run goes that is unfinished, or not uploaded. Predictions, metrics and definitions stay.
    """
    from overthink.comparison.stored_runs import stored_runs
    from overthink.launching.cleaning import is_waiting, removable, remove
    from overthink.store.uri import database_file, tracking_uri

    uri, console = tracking_uri(), log()
    named = [("checkpoints", checkpoints), ("models", models), ("pages", pages), ("deleted", deleted)]
    chosen = {name for name, wanted in named if wanted}
    chosen |= set(SAFE) if cache or not chosen else set()
    found = removable(uri, stored_runs(refresh=True, metrics=()))
    going = [one for one in found if one.kind in chosen and not one.waits]
    freed = sum(one.bytes for one in going)
    records = [_record(one, one in going) for one in found]
    if yes:
        for one in going:
            remove(one, uri)
    if as_json:
        print_json({"deleted": yes, "kinds": records})
    else:
        _show(records)
    if is_waiting():
        print_text(
            console,
            "Runs are in progress here or wait to be uploaded: only copies and pages can go now (overthink sync).",
        )
    if database_file(uri) is None:
        print_text(console, "The store's server keeps files and trash itself: they are cleaned there (mlflow gc).")
    print_text(console, f"Deleted {_size(freed)}." if yes else f"Nothing was deleted; with --yes, {_size(freed)} go.")
    return OK


def _record(found: "Removable", goes: bool) -> dict[str, Any]:
    return {"kind": found.kind, "count": found.count, "bytes": found.bytes, "goes": goes, "waits": found.waits}


def _show(records: list[dict[str, Any]]) -> None:
    from overthink.report.grids import Grid

    rows = [
        [
            TITLES[one["kind"]],
            _why(one),
            f"{one['count']:,}",
            _size(one["bytes"]),
        ]
        for one in records
    ]
    print_grid(Grid(["What", "", "Number", "Size"], rows, words=2))


def _why(record: dict[str, Any]) -> str:
    """Return whether something goes, and why it does not."""
    if record["goes"]:
        return "goes"
    if record["waits"]:
        return "stays: runs in progress"
    return f"stays without {OPTIONS.get(record['kind'], '--' + record['kind'])}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
