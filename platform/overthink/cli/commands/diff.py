"""`overthink diff`: what is not the same about two stored runs or groups, and about their results."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overthink.cli.commands.chosen import one_of
from overthink.cli.exit_codes import OK
from overthink.comparison.arms import alone, arms_of, primary_arm, runs_of_group
from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.comparison.paired import paired
from overthink.definition.errors import DefinitionError
from overthink.definition.flat import Differing, differing, flat
from overthink.definition.run_definition import parse_run
from overthink.report.differences import difference_lines
from overthink.report.safe_text import escape_for_terminal
from overthink.report.tables import POLICY_TITLES, TITLES, estimate_lines
from overthink.running.provenance import attempts_of
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import data_digests, search
from overthink.store.stored import StoredRun

MADE_WITH = ("git", "lock_sha256", "versions", "machine", "settings")


class Side(NamedTuple):
    """One of the two."""

    name: str
    run_id: str
    definition: dict[str, str]
    made_with: dict[str, str]
    row: Row
    titles: dict[str, str]
    """Of the metrics that are compared."""


def diff(first: str, second: str, as_json: bool) -> int:
    """Print how two runs or groups differ in definition, in what they were made with, and in results."""
    store = Store()
    runs = [run for run in search(store, "") if tags.KIND in run.tags]
    a, b = (_side(store, runs, one_of(runs, name)) for name in (first, second))
    parts = {"definition": differing(a.definition, b.definition), "made with": differing(a.made_with, b.made_with)}
    if as_json:
        typer.echo(json.dumps(_as_plain(a, b, parts), indent=2))
        return OK
    shown = Console(highlight=False)
    for letter, side in (("A", a), ("B", b)):
        shown.print(escape_for_terminal(f"{letter}: {side.name} ({side.run_id[:8]})"), soft_wrap=True)
    for title, places in parts.items():
        shown.print("", _places(title, places) if places else escape_for_terminal(f"Same {title}."), sep="\n")
    shown.print("", _results(a, b), sep="\n")
    return OK


def _side(store: Store, runs: Sequence[StoredRun], run: StoredRun) -> Side:
    """Read one of the two; a group speaks of its runs in common, by its newest finished one.

    A study speaks with one arm: the one in which most varies, or a control where there is no other.
    """
    name, arms = run.name, arms_of(run) if run.is_group else {}
    if arms:
        arm = primary_arm(run) or next(iter(arms))
        name, run = f"{run.name} / {arm}", alone(run, arm)
    members = runs_of_group(run, runs)
    finished = [other for other in members if other.outcome == tags.FINISHED]
    one = next(iter(finished), None) if run.is_group else run
    if one is None:
        raise DefinitionError(f"{name}: none of its runs is finished")
    definition = parse_run(store.text(one.run_id, tags.DEFINITION_FILE), run.name)
    attempts = attempts_of(store.text(one.run_id, tags.PROVENANCE_FILE))
    plain = definition.model_dump(mode="json")
    if run.is_group:
        plain.pop("seeds")
    last = attempts[-1] if attempts else {}
    digests = data_digests(store, one.run_id)
    made_with = {key: last[key] for key in MADE_WITH if key in last} | ({"data": " ".join(digests)} if digests else {})
    titles = POLICY_TITLES if tags.TASK in run.tags else TITLES
    rows = overthinking_rows([run, *members] if run.is_group else [run], metrics=tuple(titles))
    return Side(name, run.run_id, flat(plain), flat(made_with), rows[0], titles)


def _places(title: str, places: Sequence[Differing]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in (title, "A", "B"):
        table.add_column(heading, overflow="fold")
    for place in places:
        table.add_row(*(escape_for_terminal("-" if said is None else said) for said in place))
    return table


def _results(a: Side, b: Side) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("test data, %", "A", "B", "B minus A"):
        table.add_column(heading, justify="left" if heading == "test data, %" else "right")
    pairs = paired(b.row, a.row)
    for metric, title in a.titles.items():
        ours, theirs = (side.row.estimates.get(metric) for side in (a, b))
        said = difference_lines(pairs.get(metric))
        if not said and ours is not None and theirs is not None:
            said = (f"Δ {100 * (theirs.mean - ours.mean):+.2f}", "no seed in common")
        cells = (estimate_lines(ours), estimate_lines(theirs), said)
        table.add_row(title, *("\n".join(lines) for lines in cells))
    return table


def _as_plain(a: Side, b: Side, parts: Mapping[str, Sequence[Differing]]) -> dict[str, object]:
    return {
        "first": {"run_id": a.run_id, "name": a.name, "runs": a.row.run_ids, "values": a.row.values},
        "second": {"run_id": b.run_id, "name": b.name, "runs": b.row.run_ids, "values": b.row.values},
        **{title.replace(" ", "_"): [place._asdict() for place in places] for title, places in parts.items()},
        "second_minus_first": {metric: found._asdict() for metric, found in paired(b.row, a.row).items()},
    }
