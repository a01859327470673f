"""`overthink compare`: the overthinking table from the store alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.comparison.overthinking import GROUPINGS, overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.comparison.stored_runs import stored_runs
from overthink.definition.errors import DefinitionError, nearest
from overthink.report.policy_table import POLICY
from overthink.report.safe_text import print_text
from overthink.report.table_files import FORMATS, TEXTS
from overthink.report.tables import OVERTHINKING, as_rich
from overthink.seeds import joined
from overthink.store import tags
from overthink.store.raw_run import RawRun
from overthink.store.stored import ASKED, StoredRun

if TYPE_CHECKING:
    from overthink.definition.experiment import LoadedExperiment


@dataclass(frozen=True)
class CompareOptions:
    """What the command line said."""

    names: Sequence[str]
    by: str
    form: str
    settings: Sequence[str]
    against: str | None
    refresh: bool
    table: str = "overthinking"


LAYOUTS = {"overthinking": OVERTHINKING, "policy": POLICY}


def compare(options: CompareOptions, console: Console) -> int:
    """Print the table; return 3 where runs that it should hold are missing or unfinished."""
    by, form = options.by, options.form
    if by not in GROUPINGS:
        raise DefinitionError(f"--by {by}: not one of {', '.join(GROUPINGS)}{nearest(by, list(GROUPINGS))}")
    if form not in FORMATS:
        raise DefinitionError(f"--format {form}: not one of {', '.join(FORMATS)}{nearest(form, list(FORMATS))}")
    if options.table not in LAYOUTS:
        raise DefinitionError(f"--table {options.table}: not one of {', '.join(LAYOUTS)}")
    layout = LAYOUTS[options.table]
    runs = chosen(stored_runs(options.refresh, layout.metrics), options.names, options.settings, console)
    policies = options.table == "policy"
    rows = overthinking_rows((run for run in runs if run.is_policy == policies), by, layout.metrics)
    if options.against is not None and rows:
        rows = with_differences(rows, options.against, layout.compared)
    if not rows:
        console.print("The store has no such runs yet; overthink run makes them.")
    if by != "variant" and any(run.is_group and run.arms for run in runs):
        console.print(f"Runs that only studies ask for are no independent seeds: --by {by} leaves them out.")
    if form != "table":
        typer.echo(TEXTS[form](rows, layout))
    elif rows:
        Console(highlight=False).print(as_rich(rows, layout))
    return SOME_FAILED if any(row.gaps for row in rows) else OK


def chosen(runs: list[StoredRun], names: Sequence[str], settings: Sequence[str], console: Console) -> list[StoredRun]:
    """Return the runs that belong to definitions as they now resolve, what nobody has run yet included.

    A name that is no definition's is an MLflow experiment's: all its groups. Without names, everything.
    """
    if not names:
        return runs
    wanted: list[StoredRun] = []
    for name in names:
        stored = [run for run in runs if run.definition == name]
        loaded = _definition(name, settings, otherwise=bool(stored) and not settings)
        if loaded is None:
            keys = {run.group_key for run in stored}
        else:
            asked = [_asked(loaded, place) for place in range(len(loaded.groups))]
            wanted += asked
            keys = {run.group_key for run in asked}
            _mention_others(name, {run.group_key for run in stored} - keys, console)
        wanted += [run for run in runs if run.group_key in keys]
    return list({run.run_id: run for run in wanted}.values())


def _definition(name: str, settings: Sequence[str], otherwise: bool) -> "LoadedExperiment | None":
    from overthink.definition.loading import load_experiment
    from overthink.definition.source import find

    try:
        return load_experiment(find(name), settings)
    except DefinitionError:
        if otherwise:
            return None
        raise


def _asked(loaded: "LoadedExperiment", place: int) -> StoredRun:
    """Return what a group of a definition would be in a store: it asks for its seeds, run or not."""
    from overthink.launching.recording.facts import group_tags

    group = loaded.groups[place]
    seeds = joined(run.seeds.label for run in group.runs)
    asked = {**group_tags(loaded, group), tags.KIND: tags.KIND_GROUP, tags.SEEDS: seeds}
    # Its place instead of a time: rows come in the order of the definition.
    return RawRun(f"asked {group.definition.key}", "", group.label, ASKED, place, None, asked).parsed()


def _mention_others(name: str, others: set[str], console: Console) -> None:
    if others:
        more = f"{len(others)} more group{'s' if len(others) > 1 else ''}"
        print_text(console, f"{name}: {more} of other versions of it are stored; compare without a name shows all.")
