"""`overthink compare`: the overthinking table from the store alone."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import typer
from rich.console import Console

from overthink.comparison.cache import stored_frame
from overthink.comparison.frame import GROUPINGS
from overthink.comparison.overthinking import overthinking_rows
from overthink.definition.errors import DefinitionError, nearest
from overthink.exits import OK, SOME_FAILED
from overthink.report.tables import FORMATS, TEXTS, as_rich


def compare(names: Sequence[str], by: str, form: str, settings: Sequence[str], refresh: bool, console: Console) -> int:
    """Print the table; return 3 where runs that it should hold are missing or unfinished."""
    if by not in GROUPINGS:
        raise DefinitionError(f"--by {by}: not one of {', '.join(GROUPINGS)}{nearest(by, list(GROUPINGS))}")
    if form not in FORMATS:
        raise DefinitionError(f"--format {form}: not one of {', '.join(FORMATS)}{nearest(form, list(FORMATS))}")
    frame = chosen(stored_frame(refresh), names, settings)
    rows = overthinking_rows(frame, by)
    if not rows:
        console.print("The store has no such runs yet; overthink run makes them.")
    elif form == "table":
        Console(highlight=False).print(as_rich(rows))
    else:
        typer.echo(TEXTS[form](rows))
    return SOME_FAILED if any(row.missing or row.unfinished for row in rows) else OK


def chosen(frame: pd.DataFrame, names: Sequence[str], settings: Sequence[str]) -> pd.DataFrame:
    """Return the rows of a frame that belong to definitions (their groups as they now resolve) or experiments."""
    if not names:
        return frame
    keys: set[str] = set()
    for name in names:
        if name in set(frame["definition"]) and not Path(name).suffix and not settings:
            keys |= set(frame.loc[frame["definition"] == name, "group_key"])
        else:
            keys |= _group_keys(name, settings)
    return frame[frame["group_key"].isin(keys)]


def _group_keys(name: str, settings: Sequence[str]) -> set[str]:
    from overthink.definition.experiment import load_experiment
    from overthink.definition.source import find

    return {group.definition.key for group in load_experiment(find(name), settings).groups}
