"""`overthink inspect`: what a definition resolves to, and what its networks cost."""

import json
from typing import Any

import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import Group, LoadedExperiment
from overthink.definition.run_definition import GroupDefinition
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.seeds import expand
from overthink.training.phases import blank_network


def inspect(loaded: LoadedExperiment, as_json: bool, images: str | None = None, classes: int | None = None) -> None:
    """Print the resolved definition, its run keys, and parameters and MUL-ADDs per exit.

    `images` (`3x32x32`) and `classes` count the network as it would be on other data.
    """
    shape = _shape(images) if images else None
    described = [_describe(group, shape, classes) for group in loaded.groups]
    if as_json:
        head = {"name": loaded.experiment.name, "file": loaded.source}
        # A definition without variants has one group: its numbers stand at the top, too.
        single = described[0] if len(described) == 1 else {}
        typer.echo(json.dumps({**head, **single, "groups": described}, indent=2))
        return
    console = Console(highlight=False)
    for entry in described:
        _show(console, loaded.experiment.name, entry)


def _shape(text: str) -> tuple[int, int, int]:
    sides = text.split("x")
    if len(sides) != 3 or not all(side.isdigit() and 0 < int(side) <= 4096 for side in sides):
        raise DefinitionError(f"--images {text}: expected channels, height and width, such as 3x32x32")
    channels, height, width = map(int, sides)
    return channels, height, width


def _describe(group: Group, shape: tuple[int, int, int] | None, classes: int | None) -> dict[str, Any]:
    dataset = group.definition.dataset
    exits = exits_of(group.definition, shape or dataset.input_shape, classes or group.definition.n_classes)
    return {
        "variant": group.variant,
        "group_key": group.definition.key,
        "runs": [
            {"seeds": seeds.model_dump(), "run_key": run.key}
            for seeds, run in zip(group.seeds, group.runs, strict=True)
        ],
        "parameters": exits[-1]["params"],
        "exits": exits,
        "definition": group.definition.model_dump(mode="json"),
    }


def exits_of(definition: GroupDefinition, shape: tuple[int, int, int], n_classes: int) -> list[dict[str, int]]:
    """Return, for each exit, its number and its cumulative parameters and MUL-ADDs."""
    network = blank_network(definition.network, definition.regime, shape, n_classes, expand(1)[0])
    counted = zip(parameter_counts(network), mul_adds(network, shape), strict=True)
    return [{"exit": number, "params": params, "mul_adds": cost} for number, (params, cost) in enumerate(counted, 1)]


def _show(console: Console, name: str, entry: dict[str, Any]) -> None:
    console.rule(f"{name}: {entry['variant']}")
    text = yaml.safe_dump(entry["definition"], sort_keys=False, default_flow_style=None)
    console.print(Syntax(text, "yaml", background_color="default"))
    table = Table("exit", "parameters", "MUL-ADDs", box=SIMPLE_HEAD)
    for column in table.columns:
        column.justify = "right"
    for row in entry["exits"]:
        table.add_row(str(row["exit"]), f"{row['params']:,}", f"{row['mul_adds']:,}")
    console.print(table)
    for run in entry["runs"]:
        console.print(
            f"run {run['run_key']}: " + ", ".join(f"{stream} {seed}" for stream, seed in run["seeds"].items())
        )
