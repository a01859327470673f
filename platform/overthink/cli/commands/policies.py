"""`overthink policies`: exit policies side by side, from stored predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_grid, print_json, print_problems, results
from overthink.cli.output_path import check_file, write_file
from overthink.cli.terminal import print_raw
from overthink.report.grids import Grid
from overthink.report.safe_text import escape_for_terminal, print_text
from overthink.sentences import listed, number_of
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.exit_policies.guarantee import Promise
    from overthink.exit_policies.side_by_side import SideBySide
    from overthink.report.exit_policies import Choice, GroupPolicies
    from overthink.store.client import Store
    from overthink.store.stored import StoredRun

BUDGETS = "25%,50%,75%,100%"
FORMATS = ("table", "json", "csv", "latex", "html")


def policies(  # noqa: PLR0913, PLR0917 - an option each
    names: options.Runs = None,
    budgets: Annotated[
        str, typer.Option(metavar="PERCENT,...", help="Budgets, in percent of the last exit's cost.")
    ] = BUDGETS,
    policy: Annotated[
        list[str],
        typer.Option(
            "--policy",
            metavar="NAME",
            help="Exit policy, bound or oracle to compare; see --list. Repeatable. Default: most.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    against: Annotated[
        str, typer.Option(metavar="NAME", help="Exit policy that the others are compared with.")
    ] = "max-softmax",
    references: Annotated[
        bool, typer.Option("--references/--no-references", help="Also show exits by chance, oracles and bounds.")
    ] = True,
    risk: options.Risk = None,
    confidence: options.Confidence = None,
    foresight: Annotated[
        bool,
        typer.Option("--foresight", help="Also show how well confidences foresee failure and overthinking."),
    ] = False,
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="Add a page and metrics to the groups in the store.")
    ] = True,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"Output format: {', '.join(FORMATS)} (with a figure).")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file, not to the terminal.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the names of exit policies, and exit.")] = False,
) -> int:
    """Compare rules by which samples leave a network early, fitted on validation data, on stored predictions."""
    if form not in FORMATS:
        raise ValueError(f"--format {form}: not one of {', '.join(FORMATS)}")
    if output is not None:
        check_file("--output", output)
    if listing:
        _list(form)
        return OK
    shares, promises = options.parse_budgets(budgets), _promises(risk, confidence)
    from overthink.cli.selection import runs_named
    from overthink.store.local_store import store_to_read

    chosen = runs_named(store_to_read(), names or [])  # MLflow takes seconds, so after what may be refused
    from overthink.report.exit_policies import policies_of
    from overthink.store.client import Store
    from overthink.store.unreadable import problems_of

    choice = _choice(policy, against, references, shares, promises, foresight)
    store, console = Store(), log()
    found, problems = [], list(problems_of(chosen))
    for one in policies_of(store, chosen, choice):
        found.append(one)
        problems += [*one.problems, *(one.found.problems if one.found else ())]
    shown = [one for one in found if one.found is not None]
    whole = not policy and references and budgets == BUDGETS
    problems += _stored(store, shown, chosen, _middle(shares), whole) if save else []
    if not shown:
        raise ValueError(next(iter(problems), f"{', '.join(names or ['the store'])}: no finished run with predictions"))
    if output is not None:
        write_file(output, f"{_text(shown, form, shares)}\n".encode())
        print_text(console, f"{output}: exit policies of {number_of(len(shown), 'group')}")
    elif form == "table":
        for one in shown:
            _show(one, shares)
    else:
        print_raw(_text(shown, form, shares) + "\n")
    print_problems(console, problems)
    return SOME_FAILED if len(shown) < len(found) else OK


def _stored(
    store: "Store", shown: "Sequence[GroupPolicies]", chosen: "Sequence[StoredRun]", share: float, whole: bool
) -> list[str]:
    """Add pages and metrics to the store; return what went wrong."""
    from overthink.report.stored_policies import store_policies
    from overthink.store.errors import StoreError
    from overthink.store.unreadable import UnreadableRunError

    known, problems, kept, stored = {run.run_id: run for run in chosen}, [], [], []
    for one in shown:
        try:
            if store_policies(store, one, known, share, whole):
                stored.append("group" if one.group_id else "run")
            elif one.target is not None:
                kept.append(one.name)
        except (StoreError, UnreadableRunError) as error:
            problems.append(f"{one.name}: its page is not stored: {error}")
    if kept:
        print_text(
            log(),
            f"Metrics are stored; the page {tags.POLICIES_PAGE} of {listed(kept)} stays, since it has more rules or "
            "budgets (without --policy, --budgets and --no-references it is replaced).",
        )
    if stored:
        with_all = " and ".join(number_of(stored.count(kind), kind) for kind in ("group", "run") if kind in stored)
        log().print(f"Stored with {with_all}: artifact {tags.POLICIES_PAGE}, and metrics. --no-save stores nothing.")
    return problems


def _choice(
    asked: Sequence[str],
    against: str,
    references: bool,
    shares: Sequence[float],
    promises: "Sequence[Promise]",
    foresight: bool,
) -> "Choice":
    from overthink.exit_policies.catalogue import TABLE, named, plugged
    from overthink.exit_policies.references import REFERENCES
    from overthink.report.exit_policies import Choice

    baseline, beside = named(against), [one for one in REFERENCES if one.name in asked]
    own = [name for name in asked if name not in {one.name for one in beside}]
    wanted = list(dict.fromkeys(own or ([] if beside else (*TABLE, *(one.name for _, one in plugged())))))
    chosen = [named(name) for name in wanted]
    if against not in wanted:
        chosen.insert(0, baseline)
    return Choice(chosen, beside or (REFERENCES if references else ()), shares, against, promises, foresight)


def _promises(risk: float | None, confidence: float | None) -> "list[Promise]":
    from overthink.exit_policies.guarantee import check_promise

    if (promise := options.parse_promise(risk, confidence)) is None:
        return []
    check_promise(promise)
    return [promise, promise._replace(of="agreement")]


def _middle(shares: Sequence[float]) -> float:
    """Return the budget of the second table: 50% if it is asked for, else the middle one."""
    return 0.5 if 0.5 in shares else shares[(len(shares) - 1) // 2]


def _show(one: "GroupPolicies", shares: Sequence[float]) -> None:
    from overthink.report.exit_policy_table import (
        accuracy_grid,
        foresight_grids,
        overthinking_grid,
        promises_grid,
    )

    assert one.found is not None
    shown = results()
    shown.print(escape_for_terminal(one.heading, "bold"), "")
    print_grid(accuracy_grid(one.found))
    shown.print()
    print_grid(overthinking_grid(one.found, _middle(shares)))
    shown.print()
    for sentence in one.sentences:
        shown.print(escape_for_terminal(sentence))
    shown.print()
    if one.promises:
        print_grid(promises_grid(one.promises))
        shown.print()
    for grid in foresight_grids(one.foresight):
        print_grid(grid)
        shown.print()


def _list(form: str) -> None:
    options.check_choice("--list --format", form, ["table", "json"])
    from overthink.exit_policies.catalogue import policies as known
    from overthink.exit_policies.references import REFERENCES
    from overthink.predictions.absent import IN_WORDS

    fitted = known()
    rows = [
        (one.name, one.title, ", ".join(IN_WORDS[part] for part in one.needs), one.source) for one in fitted.values()
    ]
    rows += [(one.name, one.title, "labels of test data", one.source) for one in REFERENCES if one.name not in fitted]
    if form == "json":
        print_json([dict(zip(("name", "policy", "needs", "source"), row, strict=True)) for row in rows])
    else:
        print_grid(Grid(("Name", "Policy", "Needs", "Source"), rows, words=4))


def _as_text(one: "GroupPolicies", found: "SideBySide", shares: Sequence[float]) -> str:
    from io import StringIO

    from rich.console import Console

    from overthink.report.exit_policy_table import accuracy_grid, overthinking_grid
    from overthink.report.grids import as_rich

    file = StringIO()
    console = Console(file=file, width=100)
    for grid in (accuracy_grid(found), overthinking_grid(found, _middle(shares))):
        console.print(as_rich(grid), "")
    return file.getvalue() + "\n".join(one.sentences)


def _text(shown: "Sequence[GroupPolicies]", form: str, shares: Sequence[float]) -> str:
    import json

    from overthink.report.exit_policy_table import (
        accuracy_grid,
        as_csv,
        as_plain,
        foresight_as_plain,
        overthinking_grid,
        promise_as_plain,
    )
    from overthink.report.table_files import grid_as_latex

    pairs = [(one, one.found) for one in shown if one.found is not None]
    if form == "json":
        records = [
            {
                "group": one.name,
                "group_id": one.group_id,
                "arm": one.arm,
                "held_fixed": [*one.fixed],
                "runs": [*one.run_ids],
                **as_plain(of),
                "promises": [promise_as_plain(kept) for kept in one.promises],
                "foresight": [foresight_as_plain(of_one) for of_one in one.foresight],
            }
            for one, of in pairs
        ]
        return json.dumps(records, indent=2)
    if form == "csv":
        return as_csv([(one.name, of) for one, of in pairs])
    if form == "html":
        from overthink.report.exit_policy_page import exit_policy_page

        return exit_policy_page(shown, _middle(shares))
    grids = [grid for one, of in pairs for grid in (accuracy_grid(of), overthinking_grid(of, _middle(shares)))]
    if form == "latex":
        return "\n\n".join(map(grid_as_latex, grids))
    return "\n\n".join(f"{one.heading}\n\n{_as_text(one, of, shares)}" for one, of in pairs)
