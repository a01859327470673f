"""`overthink labels`: which exits the samples of a stored run would be labelled with, without training anything."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overthink.cli.commands.chosen import the_run
from overthink.cli.exit_codes import OK
from overthink.definition.errors import DefinitionError
from overthink.policy.exit_labels import ExitLabels, balance, best_balance, labels_by_first, labels_by_score
from overthink.predictions.predictions import Predictions
from overthink.report.safe_text import escape_for_terminal, print_text
from overthink.store.client import Store

GRID = np.geomspace(0.1, 1000, 201)
"""Of lambda, in which the best balance is looked for."""


class LabelOptions(NamedTuple):
    """What the command line said."""

    weights: Sequence[float]
    exits: tuple[int, ...] | None
    split: str
    as_json: bool


def labels(name: str, options: LabelOptions, console: Console) -> int:
    """Print label counts by exit and level: by the first right exit, and by score for each lambda."""
    if options.split not in ("val", "test"):
        raise DefinitionError(f"--split {options.split}: expected val or test")
    store = Store()
    run = the_run(store, name)
    predictions = store.predictions(run.run_id, options.split)
    found = {"first": labels_by_first(predictions, options.exits)}
    found |= {f"{weight:g}": labels_by_score(predictions, weight, options.exits) for weight in options.weights}
    best, reached = best_balance(predictions, GRID, options.exits)
    if options.as_json:
        rules = {rule: _as_plain(predictions, of_rule) for rule, of_rule in found.items()}
        typer.echo(
            json.dumps({"run_id": run.run_id, "best_lambda": best, "balance": reached, "rules": rules}, indent=2)
        )
        return OK
    print_text(console, f"{run.name}, {options.split} data, {len(predictions.ids_N)} samples")
    Console(highlight=False).print(_table(predictions, found))
    console.print(f"Best balance: lambda {best:.3g} ({reached:.3f}; 1 is a uniform distribution).")
    return OK


def _counts(predictions: Predictions, found: ExitLabels) -> dict[str, list[int]]:
    """Return counts over all samples, and level by level where there are levels."""
    levels_M = predictions.levels_N[found.rows_M]
    by_level = {
        level: np.bincount(found.label_M[levels_M == number], minlength=len(found.exits)).tolist()
        for number, level in enumerate(predictions.level_names)
    }
    return {"all": found.count_C.tolist(), **by_level}


def _as_plain(predictions: Predictions, found: ExitLabels) -> dict[str, Any]:
    return {
        "exits": list(found.exits),
        "counts": _counts(predictions, found),
        "left_out": found.n_left_out,
        "balance": balance(found.count_C),
    }


def _table(predictions: Predictions, found: dict[str, ExitLabels]) -> Table:
    exits = next(iter(found.values())).exits
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("lambda", "samples", *(f"exit {number}" for number in exits), "no exit", "balance"):
        table.add_column(title, justify="left" if title == "samples" else "right")
    for rule, of_rule in found.items():
        for part, counts in _counts(predictions, of_rule).items():
            whole = part == "all"
            table.add_row(
                rule if whole else "",
                escape_for_terminal(part),
                *map(str, counts),
                str(of_rule.n_left_out) if whole else "",
                f"{balance(of_rule.count_C):.3f}" if whole else "",
            )
    return table
