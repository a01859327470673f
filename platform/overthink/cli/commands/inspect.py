"""`overthink inspect`: what a definition resolves to, and the size of its networks."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import print_json, results
from overthink.untrusted import one_line

if TYPE_CHECKING:
    from overthink.definition.experiment import Group, LoadedExperiment
    from overthink.running.network_size import ExitSize

Shape = tuple[int, int, int]


def inspect(
    definition: Annotated[
        str, typer.Argument(metavar="DEFINITION", help="Definition file, or name of a shipped definition.")
    ],
    settings: options.Settings = [],  # noqa: B006 - typer copies it
    seeds: options.Seeds = None,
    images: Annotated[
        str | None, typer.Option(metavar="CxHxW", help="Image size to compute the costs for, e.g. 3x32x32.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(metavar="N", help="Number of classes to compute the costs for.", min=2)
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Show a resolved definition: values, run keys, and parameters and MUL-ADDs of each exit."""
    from overthink.cli.definitions import load_definitions
    from overthink.running.network_size import exit_sizes

    (loaded,) = load_definitions([definition], settings, seeds)
    shape = _shape(images) if images else None
    sizes = []
    for group in loaded.groups:
        of = group.definition
        try:
            sizes.append(exit_sizes(of, shape or of.dataset.input_shape, classes or of.n_classes))
        except ValueError as error:
            raise ValueError(f"{loaded.source}: {group.label}: {error}") from error
    _note_missing_data(loaded)
    if as_json:
        described = [_as_plain(group, of_group) for group, of_group in zip(loaded.groups, sizes, strict=True)]
        # A definition without variants has one group: its numbers are at the top level, too.
        single = described[0] if len(described) == 1 else {}
        head = {"name": loaded.experiment.name, "file": loaded.source}
        print_json({**head, **single, "groups": described, "merged_variants": loaded.merged})
        return OK
    for group, of_group in zip(loaded.groups, sizes, strict=True):
        _show(loaded.experiment.name, group, of_group)
    return OK


def _note_missing_data(loaded: "LoadedExperiment") -> None:
    from overthink.cli.preflight import note
    from overthink.data.catalogue import absence

    absent = [absence(group.definition.dataset) for group in loaded.groups]
    note(list(dict.fromkeys(found for found in absent if found is not None)))


def _shape(text: str) -> Shape:
    from overthink.data.shape import check_channels_first

    sides = text.split("x")
    if len(sides) != 3 or not all(re.fullmatch("[0-9]{1,4}", side) and 0 < int(side) <= 4096 for side in sides):
        raise ValueError(f"--images {text}: expected channels, height and width, such as 3x32x32")
    channels, height, width = map(int, sides)
    try:
        check_channels_first((channels, height, width))
    except ValueError as error:
        raise ValueError(f"--images {text}: {error}") from None
    return channels, height, width


def _as_plain(group: "Group", sizes: "list[ExitSize]") -> dict[str, object]:
    return {
        "variant": group.variant,
        "group_key": group.definition.key,
        "runs": [
            {"seeds": seeds.model_dump(), "run_key": run.key}
            for seeds, run in zip(group.seeds, group.runs, strict=True)
        ],
        "parameters": sizes[-1].params,
        "exits": [size._asdict() for size in sizes],
        "definition": group.definition.model_dump(mode="json"),
    }


def _show(name: str, group: "Group", sizes: "list[ExitSize]") -> None:
    """Print a group as a YAML document, which any terminal leaves whole; what is no value of it stands in comments."""
    from rich.syntax import Syntax

    from overthink.definition.yaml_core import dump_yaml

    lines = [one_line(f"--- # {name}: {group.variant}"), dump_yaml(group.definition.model_dump(mode="json"), flow=None)]
    lines += [f"# {'exit':>4}  {'parameters':>12}  {'MUL-ADDs':>16}"]
    lines += [f"# {size.exit:>4}  {size.params:>12,}  {size.mul_adds:>16,}" for size in sizes]
    for seeds in group.seeds:
        streams = ", ".join(f"{stream} {seed}" for stream, seed in seeds.model_dump().items())
        of_seeds = [definition.with_seeds(seeds) for definition in group.definition.by_either_kernels]
        lines.append(f"# run {' or '.join(f'{run.key} ({run.kernels} kernels)' for run in of_seeds)}: {streams}")
    results().print(Syntax("", "yaml", background_color="default").highlight("\n".join(lines)), soft_wrap=True)
