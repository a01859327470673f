"""`overthink compare`: the overthinking table from the store alone."""

from collections.abc import Sequence

import typer
from rich.console import Console

from overthink.comparison.overthinking import COLUMNS, GROUPINGS, overthinking_rows
from overthink.comparison.stored_runs import stored_runs
from overthink.definition.errors import DefinitionError, nearest
from overthink.exits import OK, SOME_FAILED
from overthink.report.tables import FORMATS, TEXTS, as_rich
from overthink.tracking import tags
from overthink.tracking.stored import StoredRun


def compare(names: Sequence[str], by: str, form: str, settings: Sequence[str], refresh: bool, console: Console) -> int:
    """Print the table; return 3 where runs that it should hold are missing or unfinished."""
    if by not in GROUPINGS:
        raise DefinitionError(f"--by {by}: not one of {', '.join(GROUPINGS)}{nearest(by, list(GROUPINGS))}")
    if form not in FORMATS:
        raise DefinitionError(f"--format {form}: not one of {', '.join(FORMATS)}{nearest(form, list(FORMATS))}")
    rows = overthinking_rows(chosen(stored_runs(refresh, COLUMNS), names, settings), by)
    if not rows:
        console.print("The store has no such runs yet; overthink run makes them.")
    elif form == "table":
        Console(highlight=False).print(as_rich(rows))
    else:
        typer.echo(TEXTS[form](rows))
    return SOME_FAILED if any(row.missing or row.unfinished for row in rows) else OK


def chosen(runs: list[StoredRun], names: Sequence[str], settings: Sequence[str]) -> list[StoredRun]:
    """Return the runs that belong to definitions (their groups as they now resolve) or to experiments by name."""
    if not names:
        return runs
    keys: set[str] = set()
    for name in names:
        stored = {run.tags.get(tags.GROUP_KEY, "") for run in runs if run.tags.get(tags.DEFINITION) == name}
        keys |= stored if stored and not settings else _group_keys(name, settings)
    return [run for run in runs if run.tags.get(tags.GROUP_KEY) in keys]


def _group_keys(name: str, settings: Sequence[str]) -> set[str]:
    from overthink.definition.experiment import load_experiment
    from overthink.definition.source import find

    return {group.definition.key for group in load_experiment(find(name), settings).groups}
