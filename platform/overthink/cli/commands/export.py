"""`overthink export`: stored runs as plain files."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_json
from overthink.cli.output_path import check_folder
from overthink.report.safe_text import print_text


def export(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Run IDs in the store, or their first characters (at least six).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder; each run gets one in it.")],
    as_json: options.Json = False,
) -> int:
    """Copy runs out of the store: predictions, definition, provenance and checkpoint.

    overthink import DIR takes them into another store, with the same keys and the same predictions, bit for bit.
    """
    check_folder("--output", output)
    from overthink.cli.selection import the_run
    from overthink.report.export import slug
    from overthink.running.exporting import export_run
    from overthink.store.client import Store

    store, console = Store(), log()
    chosen = {run.run_id: run for run in (the_run(store, name) for name in runs)}
    done = [export_run(store, run, output / f"{slug(run.name)}-{run.run_id[:8]}") for run in chosen.values()]
    if as_json:
        print_json([{**one._asdict(), "folder": str(one.folder)} for one in done])
    for one in done:
        print_text(console, f"{one.folder}: {', '.join(one.files)}")
        if one.missing:
            print_text(console, f"{one.folder}: the store does not have {', '.join(one.missing)}")
    print_text(console, f"To bring them into another store: overthink import {shlex.quote(str(output))}")
    return SOME_FAILED if any(one.missing for one in done) else OK
