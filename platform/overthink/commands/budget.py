"""`overthink budget`: the thresholds of a stored run that fit a budget."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overthink.commands.chosen import the_run
from overthink.exits import OK
from overthink.inference.budget_file import from_json
from overthink.inference.budgeted import LookupTable, lookup_table
from overthink.predictions import Predictions
from overthink.tracking import tags
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun


def budget(name: str, mul_adds: float, criterion: str, as_json: bool, console: Console) -> int:
    """Print the thresholds that are most accurate on validation data among those that fit."""
    store = Store()
    run = the_run(store, name)
    table = table_of(store, run, criterion)
    row = table.fitting(mul_adds)
    limits = [None if value == np.inf else value for value in table.threshold_PE[row, :-1].tolist()]
    if as_json:
        answer = {
            "run_id": run.run_id,
            "criterion": table.criterion,
            "thresholds": limits,
            "mul_adds_per_sample": table.mean_cost_P[row],
            "validation_accuracy": table.accuracy_P[row],
            "q": table.q_PE[row].tolist(),
        }
        typer.echo(json.dumps(answer, indent=2))
        return OK
    console.print(
        Text(f"{run.name} ({run.run_id[:8]}), {table.criterion}, budget {mul_adds / 1e6:g} M MUL-ADDs a sample")
    )
    Console(highlight=False).print(_shown(table, row))
    console.print(
        f"On validation data: {100 * table.accuracy_P[row]:.2f}% right for "
        f"{table.mean_cost_P[row] / 1e6:.3f} M MUL-ADDs a sample."
    )
    return OK


def table_of(store: Store, run: StoredRun, criterion: str) -> LookupTable:
    """Return a run's lookup table: the stored one, or one made of its validation predictions."""
    with TemporaryDirectory() as folder:
        if run.tags.get(tags.ANALYSIS) and criterion == "max_softmax":
            text = store.artifact(run.run_id, tags.BUDGETS_FILE, Path(folder)).read_text()
            return from_json(text, f"{tags.BUDGETS_FILE} of run {run.run_id}")
        predictions = Predictions.read(store.artifact(run.run_id, "predictions/val.parquet", Path(folder)))
    return lookup_table(predictions, criterion)


def _shown(table: LookupTable, row: int) -> Table:
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("exit", "MUL-ADDs", "leaves at confidence", "share asked for"):
        shown.add_column(title, justify="right")
    last = len(table.cost_E) - 1
    for number, (cost, limit, q) in enumerate(zip(table.cost_E, table.threshold_PE[row], table.q_PE[row], strict=True)):
        said = "everything" if number == last else "nobody" if limit == np.inf else f">= {limit:.4f}"
        shown.add_row(str(number + 1), f"{cost / 1e6:.2f} M", said, f"{100 * q:.1f}%")
    return shown
