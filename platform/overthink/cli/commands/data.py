"""`overthink data`: list, download and show data sets."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.cli.output_path import check_picture, write_picture
from overthink.cli.plugin_option import with_plugins
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text

app = typer.Typer(help="List, download and show data sets.", no_args_is_help=True)

T = TypeVar("T")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set; see overthink data list.")]


@app.command("list")
@with_plugins
def show_list(data_root: options.DataRoot = None, as_json: options.Json = False) -> int:
    """List the data sets: description, licence, and whether they are downloaded."""
    from overthink.data.catalogue import DATASETS, ENTRIES
    from overthink.data.digits import default_root

    root = data_root or default_root()
    here = {entry.name: entry.example.is_here(root) for entry in ENTRIES}
    plugged = [(kind, f"of {place}") for kind, place in DATASETS.plugged()]
    if as_json:
        rows: list[dict[str, object]] = [
            {"name": e.name, "description": e.description, "licence": e.licence, "here": here[e.name]} for e in ENTRIES
        ]
        rows += [{"name": kind, "description": place, "licence": None, "here": None} for kind, place in plugged]
        print_json({"root": str(root), "datasets": rows})
        return OK
    cells = [
        (entry.name, entry.description, entry.licence, "yes" if here[entry.name] else "no" if entry.needs else "-")
        for entry in ENTRIES
    ]
    cells += [(kind, place, "see its plug-in", "-") for kind, place in plugged]
    print_grid(Grid(("Name", "Description", "Licence", "Here"), cells, words=4))
    print_text(log(), f"Data folder: {root}. Download a data set with overthink data get NAME.")
    return OK


@app.command()
@with_plugins
def get(name: Name, data_root: options.DataRoot = None) -> int:
    """Download a data set to the data folder, and verify its checksums."""
    from overthink.data.catalogue import DATASETS, ENTRIES, FETCHABLE
    from overthink.data.digits import default_root

    console = log()
    plugged = dict.fromkeys((kind for kind, _ in DATASETS.plugged()))
    needs = plugged | {entry.name: entry.needs for entry in ENTRIES} | {source: source for source in FETCHABLE}
    source, root = _known(name, needs), data_root or default_root()
    if source is None:
        console.print(f"{name}: nothing to download")
        return OK
    FETCHABLE[source](root)
    print_text(console, f"{source}: downloaded to {root} and verified")
    return OK


@app.command()
@with_plugins
def show(
    name: Name,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Picture to write. Default: NAME.png."),
    ] = None,
    data_root: options.DataRoot = None,
    settings: options.Settings = [],  # noqa: B006 - typer copies it
) -> int:
    """Write a picture with a sample of each of the first ten classes, at each level."""
    from overthink.data.catalogue import examples, load_dataset
    from overthink.data.picture import sample_grid
    from overthink.definition.plain_data import validated
    from overthink.definition.source import Overrides

    kind, example = _known(name, examples())()
    overrides = Overrides.parse(settings)
    spec = validated(kind, overrides.apply(example), name, overrides)
    path = output or Path(f"{name}.png")
    check_picture("--output", path)
    dataset = load_dataset(spec, data_root)
    for note in dataset.notes:
        print_text(log(), f"{note}.")
    test = replace(dataset.test, images_NKHW=spec.pictures(dataset.test.images_NKHW))
    write_picture(path, sample_grid(replace(dataset, test=test)))
    print_text(log(), f"{path}: a column for each of the first ten classes, a row for each level")
    return OK


def _known(name: str, known: dict[str, T]) -> T:
    from overthink.definition.errors import nearest

    if name not in known:
        raise ValueError(f"{name}: no such data set{nearest(name, list(known))}")
    return known[name]
