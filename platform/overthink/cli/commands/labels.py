"""`overthink labels`: the exit labels that the samples of a stored run would get, without training a policy network."""

from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.report.safe_text import print_text


def labels(
    run: options.RunId,
    weights: Annotated[
        list[float],
        typer.Option(
            "--lambda",
            metavar="LAMBDA",
            help="Weight lambda of thesis eq. 4.1 (larger: cost matters less). Repeatable.",
        ),
    ] = [5.0],  # noqa: B006 - typer copies it
    exits: Annotated[
        str | None, typer.Option(metavar="EXITS", help="Exits to choose from, e.g. 1,5. Default: all.")
    ] = None,
    split: Annotated[str, typer.Option(metavar="SPLIT", help="Split to label: val or test.")] = "val",
    as_json: options.Json = False,
) -> int:
    """Show how many samples of a run would be labelled with each exit (thesis eqs. 4.1 and 4.2)."""
    if split not in ("val", "test"):
        raise ValueError(f"--split {split}: expected val or test")
    chosen = options.parse_numbers("--exits", exits)
    from overthink.cli.selection import the_run
    from overthink.policy.exit_labels import balance, labels_by_first, labels_by_score
    from overthink.report.exit_label_table import exit_label_grid, label_counts, most_balanced
    from overthink.store.client import Store

    store = Store()
    stored = the_run(store, run)
    predictions = store.predictions(stored.run_id, split)
    found = {"first": labels_by_first(predictions, chosen)}
    found |= {f"{weight:g}": labels_by_score(predictions, weight, chosen) for weight in weights}
    best, reached = most_balanced(predictions, chosen)
    if as_json:
        rules = {
            rule: {
                "exits": list(of_rule.exits),
                "counts": label_counts(predictions, of_rule),
                "left_out": of_rule.n_left_out,
                "balance": balance(of_rule.count_C),
            }
            for rule, of_rule in found.items()
        }
        print_json({"run_id": stored.run_id, "best_lambda": best, "balance": reached, "rules": rules})
        return OK
    console = log()
    print_text(console, f"{stored.name}, {split} data, {len(predictions.ids_N)} samples")
    print_grid(exit_label_grid(predictions, found))
    console.print(f"Most balanced labels: lambda {best:.3g} (balance {reached:.3f}; 1 is a uniform distribution).")
    return OK
