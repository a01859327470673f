"""`overthink budget`: exit thresholds of a stored run for a computational budget."""

from math import inf
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json, results
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text

if TYPE_CHECKING:
    from overthink.exit_policies.guarantee import Promise
    from overthink.inference.budgeted import LookupTable
    from overthink.predictions.absent import CostUnit


def budget(
    run: options.RunId,
    mul_adds: Annotated[
        float | None,
        typer.Option(
            "--mul-adds",
            metavar="BUDGET",
            help="Budget in MUL-ADDs per sample, e.g. 20e6; of an imported run in the unit of its costs.",
        ),
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(
            metavar="CRITERION",
            help="Confidence measure: max-softmax (default), entropy, top2-ratio, or patience.",
        ),
    ] = None,
    scale: Annotated[
        bool, typer.Option("--scale", help="Calibrate the confidences of each exit by temperature scaling first.")
    ] = False,
    risk: options.Risk = None,
    confidence: options.Confidence = None,
    as_json: options.Json = False,
) -> int:
    """Show the exit thresholds of a run that are most accurate within a budget, on validation data.

    With --risk instead of a budget: the threshold for which validation data certify that risk.
    """
    if (mul_adds is None) == (risk is None):
        raise ValueError("give either --mul-adds, a budget, or --risk")
    promise = options.parse_promise(risk, confidence)
    if promise is not None:
        options.check_alone("--criterion", criterion, "--mul-adds")
        options.check_alone("--scale", scale, "--mul-adds")
        return _certified(run, promise, as_json)
    if scale and criterion == "patience":
        raise ValueError("--scale: temperatures change no class, and patience counts exits of the same class")
    assert mul_adds is not None
    if not 0 < mul_adds < inf:
        raise ValueError(f"--mul-adds {mul_adds:g}: expected a budget above 0")
    from overthink.cli.selection import the_run
    from overthink.running.stored_run import lookup_table_of
    from overthink.store.local_store import store_to_read

    store = store_to_read()
    stored = the_run(store, run)
    table, temperature_E = lookup_table_of(store, stored, criterion or "max-softmax", scale)
    row = table.fitting(mul_adds)
    if as_json:
        print_json(
            {
                "run_id": stored.run_id,
                "criterion": table.criterion,
                "temperatures": None if temperature_E is None else temperature_E.tolist(),
                "patience": row + 1 if table.q_PE is None else None,
                "thresholds": [None if limit == inf else limit for limit in table.threshold_PE[row, :-1].tolist()],
                "mul_adds_per_sample": table.mean_cost_P[row] if table.cost_unit == "MUL-ADDs" else None,
                "cost_per_sample": table.mean_cost_P[row],
                "cost_unit": table.cost_unit,
                "validation_accuracy": table.accuracy_P[row],
                "q": None if table.q_PE is None else table.q_PE[row].tolist(),
                "taken": table.taken_PE[row].tolist(),
                "tied": [number for number, tied in enumerate(table.tied_PE[row].tolist(), start=1) if tied],
            }
        )
        return OK
    console, head = log(), f"{stored.name} ({stored.run_id[:8]})"
    print_text(console, f"{head}, {table.criterion}, budget {_budget(mul_adds, table.cost_unit)} per sample")
    print_grid(_grid(table, row))
    if table.q_PE is None:
        rule = f"once {row + 1} exits in a row agree, else at the last exit" if row else "at exit 1"
        console.print(f"Patience {row + 1}: a sample exits {rule}.")
    if table.tied_PE[row].any():
        console.print("Ties: samples of equal confidence exit together; no threshold gives the share aimed at.")
    if temperature_E is not None:
        console.print(f"Temperatures of the exits: {', '.join(f'{value:.3f}' for value in temperature_E)}.")
    console.print(
        f"On validation data: accuracy {100 * table.accuracy_P[row]:.2f}%, "
        f"{_budget(float(table.mean_cost_P[row]), table.cost_unit, 3)} per sample."
    )
    return OK


def _certified(run: str, promise: "Promise", as_json: bool) -> int:
    from overthink.cli.selection import the_run
    from overthink.predictions.absent import in_unit
    from overthink.running.stored_run import certified_of
    from overthink.store.local_store import store_to_read

    store = store_to_read()
    stored = the_run(store, run)
    found = certified_of(store, stored, promise)
    point, unit = found.point, store.predictions(stored.run_id, "val").cost_unit
    if as_json:
        numbers = {
            "risk": promise.risk,
            "confidence": promise.confidence,
            "threshold": found.threshold,
            "samples": found.n,
        }
        on_validation = {"validation_risk": found.calibration_risk, "validation_accuracy": point.accuracy}
        cost = {"cost_per_sample": point.mean_cost, "cost_unit": unit}
        print_json({"run_id": stored.run_id, **numbers, **on_validation, **cost})
        return OK
    console, head = log(), f"{stored.name} ({stored.run_id[:8]})"
    print_text(console, f"{head}, risk {100 * promise.risk:g}% at {100 * promise.confidence:g}% confidence")
    results().print(found.sentence, soft_wrap=True)
    saved = 100 * (1 - point.mean_cost / float(point.cost_E[-1]))
    console.print(
        f"It costs {in_unit(point.mean_cost, unit)} per validation sample: {saved:.0f}% less than the last exit."
    )
    return OK


def _budget(cost: float, unit: "CostUnit", digits: int | None = None) -> str:
    from overthink.predictions.absent import in_unit

    if unit != "MUL-ADDs":
        return in_unit(cost, unit)
    return f"{cost / 1e6:g} M MUL-ADDs" if digits is None else f"{cost / 1e6:.{digits}f} M MUL-ADDs"


def _cost_title(unit: "CostUnit") -> str:
    return {"MUL-ADDs": "MUL-ADDs", "seconds": "Seconds", "relative": "Cost"}[unit]


def _grid(table: "LookupTable", row: int) -> Grid:
    from overthink.predictions.absent import cost_cell

    title, digits = ("Agreeing exits needed", 0) if table.q_PE is None else ("Exits at confidence", 4)
    limits = ["never" if limit == inf else f">= {limit:.{digits}f}" for limit in table.threshold_PE[row, :-1].tolist()]
    columns = {
        "Exit": [str(number) for number in range(1, len(table.cost_E) + 1)],
        _cost_title(table.cost_unit): [cost_cell(cost, table.cost_unit) for cost in table.cost_E.tolist()],
        title: [*limits, "always"],
    }
    if table.q_PE is not None:
        columns["Share aimed at"] = [f"{100 * share:.1f}%" for share in table.q_PE[row].tolist()]
    shares = zip(table.taken_PE[row].tolist(), table.tied_PE[row].tolist(), strict=True)
    columns["Share that exits"] = [f"{100 * share:.1f}%{' (ties)' if tied else ''}" for share, tied in shares]
    return Grid(tuple(columns), list(zip(*columns.values(), strict=True)))
