"""`overthink budget`: the thresholds of a stored run that fit a budget."""

import json

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overthink.cli.commands.chosen import the_run
from overthink.cli.exit_codes import OK
from overthink.inference.budget_file import from_json
from overthink.inference.budgeted import LookupTable, lookup_table
from overthink.inference.confidence import CRITERIA
from overthink.inference.temperature import scaled, temperatures
from overthink.predictions.arrays import FloatArray
from overthink.report.safe_text import print_text
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun


def budget(name: str, mul_adds: float, criterion: str, scale: bool, as_json: bool, console: Console) -> int:
    """Print the thresholds that are most accurate on validation data among those that fit."""
    store = Store()
    run = the_run(store, name)
    table, temperature_E = table_of(store, run, criterion, scale)
    row = table.fitting(mul_adds)
    limits = [None if value == np.inf else value for value in table.threshold_PE[row, :-1].tolist()]
    if as_json:
        answer = {
            "run_id": run.run_id,
            "criterion": table.criterion,
            "temperatures": None if temperature_E is None else temperature_E.tolist(),
            "thresholds": limits,
            "mul_adds_per_sample": table.mean_cost_P[row],
            "validation_accuracy": table.accuracy_P[row],
            "q": table.q_PE[row].tolist(),
        }
        typer.echo(json.dumps(answer, indent=2))
        return OK
    print_text(
        console, f"{run.name} ({run.run_id[:8]}), {table.criterion}, budget {mul_adds / 1e6:g} M MUL-ADDs a sample"
    )
    Console(highlight=False).print(_shown(table, row))
    if temperature_E is not None:
        console.print(f"Logits divided by {', '.join(f'{value:.3f}' for value in temperature_E)}, exit by exit.")
    console.print(
        f"On validation data: {100 * table.accuracy_P[row]:.2f}% right for "
        f"{table.mean_cost_P[row] / 1e6:.3f} M MUL-ADDs a sample."
    )
    return OK


def table_of(
    store: Store, run: StoredRun, criterion: str, scale: bool = False
) -> tuple[LookupTable, FloatArray | None]:
    """Return a run's lookup table, the stored one or one made of its validation predictions.

    With `scale`, of confidences after temperature scaling, and the temperatures; raises ValueError for a run that kept
    no logits.
    """
    file = tags.BUDGETS_FILE.format(criterion=criterion)
    if run.tags.get(tags.ANALYSIS) == tags.ANALYSIS_VERSION and criterion in CRITERIA and not scale:
        return from_json(store.text(run.run_id, file), f"{file} of run {run.run_id}"), None
    predictions = store.predictions(run.run_id, "val")
    if not scale:
        return lookup_table(predictions, criterion), None
    temperature_E = temperatures(predictions)
    return lookup_table(scaled(predictions, temperature_E), criterion), temperature_E


def _shown(table: LookupTable, row: int) -> Table:
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("exit", "MUL-ADDs", "leaves at confidence", "share asked for"):
        shown.add_column(title, justify="right")
    last = len(table.cost_E) - 1
    for number, (cost, limit, q) in enumerate(zip(table.cost_E, table.threshold_PE[row], table.q_PE[row], strict=True)):
        said = "everything" if number == last else "nobody" if limit == np.inf else f">= {limit:.4f}"
        shown.add_row(str(number + 1), f"{cost / 1e6:.2f} M", said, f"{100 * q:.1f}%")
    return shown
