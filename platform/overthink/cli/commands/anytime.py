"""`overthink anytime`: what a stored run's anytime prediction is expected to get right under budgets."""

import json
from collections.abc import Sequence

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overthink.cli.commands.chosen import the_run
from overthink.cli.exit_codes import OK
from overthink.definition.errors import DefinitionError
from overthink.inference.oracle import deepest, expected_anytime, uniform_budgets
from overthink.inference.temperature import losses
from overthink.metrics.accuracy import accuracy
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.report.safe_text import print_text
from overthink.store.client import Store


def anytime(name: str, said: Sequence[str], as_json: bool, console: Console) -> int:
    """Print the exit that each budget reaches, and the expected accuracy and loss (thesis eq. 3.2), on test data."""
    store = Store()
    run = the_run(store, name)
    test = store.predictions(run.run_id, "test")
    budgets_M, weights_M = _parsed(said) if said else uniform_budgets(test.cost_E)
    accuracy_E = accuracy(test.correct_EN)
    expected = {"accuracy": expected_anytime(accuracy_E, test.cost_E, budgets_M, weights_M)}
    expected["zero_one_loss"] = 1 - expected["accuracy"]
    if test.logits_ENC is not None:
        expected["cross_entropy"] = expected_anytime(losses(test), test.cost_E, budgets_M, weights_M)
    exit_M = deepest(test.cost_E, budgets_M)
    if as_json:
        rows = zip(budgets_M.tolist(), (weights_M / weights_M.sum()).tolist(), (exit_M + 1).tolist(), strict=True)
        told = [{"mul_adds": budget, "weight": weight, "exit": number} for budget, weight, number in rows]
        typer.echo(json.dumps({"run_id": run.run_id, "budgets": told, "expected": expected}, indent=2))
        return OK
    print_text(console, f"{run.name} ({run.run_id[:8]}), {len(test.ids_N)} test samples")
    Console(highlight=False).print(_table(budgets_M, weights_M / weights_M.sum(), accuracy_E[exit_M], exit_M + 1))
    console.print(_sentence(expected, bool(said)))
    return OK


def _parsed(said: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    pairs = []
    for entry in said:
        budget, _, weight = entry.partition("=")
        try:
            pairs.append((float(budget), float(weight or 1)))
        except ValueError:
            pairs.append((np.nan, np.nan))
        if not (np.isfinite(pairs[-1]).all() and pairs[-1][0] > 0 and pairs[-1][1] > 0):
            raise DefinitionError(f"--budget {entry}: expected MUL-ADDs and perhaps a weight, such as 20e6 or 20e6=3")
    budgets, weights = zip(*pairs, strict=True)
    return np.array(budgets), np.array(weights)


def _table(budgets_M: FloatArray, share_M: FloatArray, accuracy_M: FloatArray, number_M: IntArray) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("budget", "weight", "exit", "accuracy"):
        table.add_column(title, justify="right")
    for budget, share, right, number in zip(budgets_M, share_M, accuracy_M, number_M, strict=True):
        table.add_row(f"{budget / 1e6:.2f} M", f"{100 * share:.1f}%", str(number), f"{100 * right:.2f}%")
    return table


def _sentence(expected: dict[str, float], given: bool) -> str:
    under = "under these budgets" if given else "for a budget anywhere between exit 1's and the last exit's cost"
    loss = f"; cross-entropy {expected['cross_entropy']:.3f} nats" if "cross_entropy" in expected else ""
    return (
        f"Expected {under}: {100 * expected['accuracy']:.2f}% right (0/1 loss {expected['zero_one_loss']:.4f}){loss}."
    )
