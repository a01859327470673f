"""`overthink diff`: what differs between two stored runs or groups."""

from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import print_grid, print_json, results
from overthink.report.safe_text import escape_for_terminal


def diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help=f"Run or group {options.CALLED}.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Run or group to compare with the first one.")],
    as_json: options.Json = False,
) -> int:
    """Show the differences between two runs or groups: definition, versions, and results."""
    from overthink.cli.selection import one_group
    from overthink.store.all_runs import all_runs
    from overthink.store.local_store import store_to_read

    store = store_to_read()
    runs = all_runs(store)
    sides = [one_group(runs, name) for name in (first, second)]
    from overthink.report.run_diff import as_plain, differing_parts, places_grid, results_grid, side_of

    a, b = (side_of(store, runs, side) for side in sides)
    parts = differing_parts(a, b)
    if as_json:
        print_json(as_plain(a, b, parts))
        return OK
    console = results()
    for letter, side in (("A", a), ("B", b)):
        console.print(escape_for_terminal(f"{letter}: {side.name} ({side.run_id[:8]})"), soft_wrap=True)
    for title, places in parts.items():
        console.print()
        if places:
            print_grid(places_grid(title, places))
        else:
            console.print(f"No difference in {title}.")
    console.print()
    print_grid(results_grid(a, b))
    return OK
