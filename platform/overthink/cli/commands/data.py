"""`overthink data`: what there is, fetching it, looking at it."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overthink.cli.commands.output_path import check_picture
from overthink.data.catalogue import ENTRIES, FETCHABLE, Entry, load_dataset
from overthink.data.digits import default_root
from overthink.data.picture import sample_grid
from overthink.definition.errors import DefinitionError, nearest
from overthink.definition.run_definition import validated
from overthink.definition.source import Overrides
from overthink.report.safe_text import print_text


def show_list(data_root: Path | None, as_json: bool) -> None:
    """Print the data sets."""
    root = data_root or default_root()
    here = {entry.name: entry.example.is_here(root) for entry in ENTRIES}
    if as_json:
        rows = [
            {"name": e.name, "description": e.description, "licence": e.licence, "here": here[e.name]} for e in ENTRIES
        ]
        typer.echo(json.dumps({"root": str(root), "datasets": rows}, indent=2))
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("name", min_width=max(len(entry.name) for entry in ENTRIES))
    for title in ("what", "licence", "here"):
        table.add_column(title)
    for entry in ENTRIES:
        absent = "no" if entry.needs else "-"
        hint = "yes" if here[entry.name] else absent
        table.add_row(entry.name, entry.description, entry.licence, hint)
    console = Console(highlight=False)
    console.print(table)
    print_text(console, f"Data folder: {root}. What is not here: overthink data get NAME")


def get(name: str, data_root: Path | None, console: Console) -> None:
    """Fetch what a data set needs."""
    needs = {entry.name: entry.needs for entry in ENTRIES} | {source: source for source in FETCHABLE}
    if name not in needs:
        raise DefinitionError(f"{name}: no such data set{nearest(name, list(needs))}")
    source, root = needs[name], data_root or default_root()
    if source is None:
        console.print(f"{name} needs nothing from elsewhere: nothing to fetch.")
        return
    FETCHABLE[source](root)
    print_text(console, f"{source} is in {root}, checked.")


def picture(name: str, output: Path | None, data_root: Path | None, settings: Sequence[str], console: Console) -> None:
    """Write a picture of samples for each class and level."""
    entry = _entry(name)
    raw = Overrides.parse(settings).apply(entry.example.model_dump(mode="json"))
    spec = validated(type(entry.example), raw, name)
    path = output or Path(f"{name}.png")
    check_picture("--output", path)
    sample_grid(load_dataset(spec, data_root)).save(path)
    print_text(console, f"{path}: a column a class, a row a level")


def _entry(name: str) -> Entry:
    entries = {entry.name: entry for entry in ENTRIES}
    if name not in entries:
        raise DefinitionError(f"{name}: no such data set{nearest(name, list(entries))}")
    return entries[name]
