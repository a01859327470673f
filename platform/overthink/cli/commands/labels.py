"""`overthink labels`: the exit labels that the samples of a stored run would get, without training a policy network."""

import math
from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.report.safe_text import print_text

CEILING_NEEDS = "two trainings of this network (two sets of them for averaged labels) with samples in common"


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
    averaged_over: Annotated[
        str | None,
        typer.Option(
            metavar="SEEDS",
            help="Average labels over trainings of this network with these seeds, e.g. 0,1,2. Default: the run's own.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Show how many samples of a run would be labelled with each exit (thesis eqs. 4.1 and 4.2).

    Where the store has other trainings of the same network, also how well their labels predict one another's.
    """
    if split not in ("val", "test"):
        raise ValueError(f"--split {split}: expected val or test")
    chosen, seeds = options.parse_numbers("--exits", exits), options.parse_numbers("--averaged-over", averaged_over)
    for weight in weights:
        if not 0 < weight < math.inf:
            raise ValueError(f"--lambda {weight:g}: expected a number above 0")
    if seeds is not None and len({*seeds}) < max(len(seeds), 2):
        raise ValueError(f"--averaged-over {averaged_over}: expected at least two different seeds, e.g. 0,1,2")
    from overthink.cli.selection import the_run
    from overthink.store.local_store import store_to_read

    store = store_to_read()
    stored = the_run(store, run)
    from overthink.report.exit_label_table import ceiling_grid, exit_label_grid, most_balanced
    from overthink.report.stored_labels import as_plain, stored_labels

    found = stored_labels(store, stored, split, weights, chosen, seeds)
    best, reached = most_balanced(found.trainings, chosen)
    if as_json:
        print_json({"run_id": stored.run_id, "best_lambda": best, "balance": reached, **as_plain(found)})
        return OK
    console, n_samples = log(), len(found.trainings[0].ids_N)
    over = f", averaged over {len(found.trainings)} trainings" if seeds else ""
    print_text(console, f"{stored.name}, {split} data, {n_samples} samples{over}")
    print_grid(exit_label_grid(found.trainings[0], found.by_rule))
    console.print(f"Most balanced labels: lambda {best:.3g} (balance {reached:.3f}; 1 is a uniform distribution).")
    known = {rule: ceiling for rule, ceiling in found.ceilings.items() if ceiling.excess is not None}
    if known:
        print_grid(ceiling_grid(known, found.n_ceiling_samples))
    else:
        console.print(f"Noise ceiling unknown: it needs {CEILING_NEEDS}.")
    return OK
