"""`overthink cascade`: separate networks, run one after the other, as one multi-exit network."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.new_name import check_new_name
from overthink.cli.output import log, print_json
from overthink.report.safe_text import print_text
from overthink.sentences import number_of

if TYPE_CHECKING:
    from overthink.launching.cascading import Candidate
    from overthink.seeds import Seeds
    from overthink.store.stored import StoredRun


def cascade(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Experiment to put the runs into, such as two-sizes.")],
    members: Annotated[
        list[str],
        typer.Argument(
            metavar="MEMBER...",
            help=f"Two or more stored groups or runs {options.CALLED}; or definitions or experiments of one group.",
        ),
    ],
    exits: Annotated[
        str | None,
        typer.Option(
            "--exit", metavar="N,...", help="Exit that each member contributes, in the order given. Default: the last."
        ),
    ] = None,
    variant: Annotated[str, typer.Option(metavar="NAME", help="Variant, where an experiment has several.")] = "base",
    as_json: options.Json = False,
) -> int:
    """Store separate networks, cheapest first, as one multi-exit network whose costs add up (thesis section 3.2.1).

    Nothing is trained. Groups are matched seed by seed. A member that is not more accurate on validation data than a
    cheaper one is left out. Repeating the command changes nothing.
    """
    check_new_name(name, variant)
    numbers = _exits(exits, members)
    chosen = _chosen(members)
    from overthink.launching.cascading import store_cascade  # MLflow, after what may be refused: it takes seconds
    from overthink.report.ui_views import ui_hint
    from overthink.store.client import Store

    store, console = Store(), log()
    candidates = _candidates(chosen, numbers)
    command = _command(name, members, exits, variant)
    done = store_cascade(store, name, variant, candidates, command, lambda sentence: print_text(console, sentence))
    if as_json:
        print_json(
            {
                "members": list(done.members),
                "costs": list(done.costs),
                "cost_unit": done.unit,
                "notes": list(done.sentences),
                "runs": [one._asdict() for one in done.runs],
            }
        )
    for sentence in done.sentences:
        print_text(console, sentence)
    for number, (member, cost) in enumerate(zip(done.members, done.costs, strict=True), 1):
        shown = f"{cost:,}" if done.unit == "MUL-ADDs" else f"{cost:.6g}"
        print_text(console, f"Exit {number}: {member}, {shown} {done.unit} in all")
    new = sum(one.new for one in done.runs)
    print_text(console, f"{number_of(len(done.runs), 'run')} of {name}: {variant}, {new} new.")
    console.print(ui_hint(store, done.runs[0].experiment_id), soft_wrap=True)
    return OK


def _exits(text: str | None, members: Sequence[str]) -> tuple[int | None, ...]:
    if len(members) < 2:
        raise ValueError(f"{', '.join(members)}: a cascade needs at least two members")
    numbers = options.parse_numbers("--exit", text)
    if numbers is not None and (len(numbers) != len(members) or 0 in numbers):
        raise ValueError(f"--exit {text}: expected an exit, from 1, for each of the {len(members)} members")
    found = (None,) * len(members) if numbers is None else numbers
    pairs = [*zip(members, found, strict=True)]
    if twice := [pair for pair in pairs if pairs.count(pair) > 1]:
        raise ValueError(f"{twice[0][0]}: it is named twice with the same exit")
    return found


def _chosen(members: Sequence[str]) -> "list[tuple[StoredRun, dict[Seeds, StoredRun]]]":
    """Return each member, a group or run, and its finished runs by their seeds."""
    from overthink.cli.selection import one_group
    from overthink.comparison.arms import runs_of_primary_arm
    from overthink.comparison.kernels import named_apart
    from overthink.definition.errors import DefinitionError
    from overthink.store.all_runs import all_runs
    from overthink.store.local_store import store_to_read
    from overthink.store.stored import finished_per_key

    runs = named_apart(all_runs(store_to_read()))
    found = []
    for name in members:
        one = one_group(runs, name)
        of_it = runs_of_primary_arm(one, runs) if one.is_group else [one]
        finished = {run.seeds[0]: run for run in finished_per_key(of_it) if run.seeds}
        if not finished:
            raise DefinitionError(one.problem or f"{name}: none of its runs is finished")
        found.append((one, finished))
    return found


def _candidates(
    chosen: "Sequence[tuple[StoredRun, dict[Seeds, StoredRun]]]", exits: Sequence[int | None]
) -> "list[Candidate]":
    from overthink.launching.cascading import Candidate

    return [Candidate(one.name, finished, exit) for (one, finished), exit in zip(chosen, exits, strict=True)]


def _command(name: str, members: Sequence[str], exits: str | None, variant: str) -> str:
    words = [name, *members, *(["--exit", exits] if exits else [])]
    words += ["--variant", variant] if variant != "base" else []
    return " ".join(["overthink cascade", *map(shlex.quote, words)])
