"""`overthink anytime`: expected accuracy and loss of anytime prediction under budgets (thesis eq. 3.2)."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text

if TYPE_CHECKING:
    from overthink.predictions.arrays import FloatArray


def anytime(
    run: options.RunId,
    budgets: Annotated[
        list[str],
        typer.Option(
            "--budget",
            metavar="BUDGET[=WEIGHT]",
            help="Budget in MUL-ADDs, of an imported run in the unit of its costs, optionally with a weight: 20e6=3. "
            "Repeatable. "
            "Default: uniform between the costs of the first and the last exit.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    as_json: options.Json = False,
) -> int:
    """Show the expected accuracy and loss of anytime prediction under a distribution of budgets, on test data."""
    from overthink.cli.selection import the_run
    from overthink.store.local_store import store_to_read

    store = store_to_read()
    stored = the_run(store, run)
    from overthink.inference.anytime import anytime_prediction
    from overthink.inference.oracle import uniform_budgets
    from overthink.predictions.absent import cost_cell, needed

    test = store.predictions(stored.run_id, "test")
    cost_E, unit = needed(test.cost_E, "costs"), test.cost_unit
    budgets_M, weights_M = _parsed(budgets) if budgets else uniform_budgets(cost_E)
    found = anytime_prediction(test, budgets_M, weights_M)
    numbers = zip(budgets_M.tolist(), (weights_M / weights_M.sum()).tolist(), found.exit_M.tolist(), strict=True)
    if as_json:
        entries = [
            {"budget": budget, "mul_adds": budget if unit == "MUL-ADDs" else None, "weight": weight, "exit": number}
            for budget, weight, number in numbers
        ]
        print_json({"run_id": stored.run_id, "cost_unit": unit, "budgets": entries, "expected": found.expected})
        return OK
    console = log()
    print_text(console, f"{stored.name} ({stored.run_id[:8]}), {len(test.ids_N)} test samples")
    rows = [
        (cost_cell(budget, unit), f"{100 * weight:.1f}%", str(number), f"{100 * accuracy:.2f}%")
        for (budget, weight, number), accuracy in zip(numbers, found.accuracy_M.tolist(), strict=True)
    ]
    print_grid(Grid(("Budget", "Weight", "Exit", "Accuracy"), rows))
    console.print(_sentence(found.expected, bool(budgets)))
    return OK


def _parsed(budgets: Sequence[str]) -> "tuple[FloatArray, FloatArray]":
    import numpy as np

    pairs = []
    for entry in budgets:
        budget, _, weight = entry.partition("=")
        try:
            pair = float(budget), float(weight or 1)
        except ValueError:
            pair = 0.0, 0.0
        if not all(isfinite(number) and number > 0 for number in pair):
            raise ValueError(
                f"--budget {entry}: expected a budget in the unit of the run's costs (MUL-ADDs of networks "
                "trained here), optionally with a weight, e.g. 20e6 or 20e6=3"
            )
        pairs.append(pair)
    budgets_M, weights_M = np.array(pairs).T
    return budgets_M, weights_M


def _sentence(expected: dict[str, float], given: bool) -> str:
    under = "under these budgets" if given else "for a budget between the costs of the first and the last exit"
    loss = f"; cross-entropy {expected['cross_entropy']:.3f} nats" if "cross_entropy" in expected else ""
    zero_one = f"0/1 loss {expected['zero_one_loss']:.4f}"
    return f"Expected {under}: accuracy {100 * expected['accuracy']:.2f}% ({zero_one}){loss}."
