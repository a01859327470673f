"""What differs between two stored runs or groups: definition, provenance and results."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from overthink.comparison.arms import as_group_of_arm, primary_arm, runs_of_group
from overthink.comparison.difference import Difference
from overthink.comparison.intervals import with_intervals
from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.comparison.paired import compared_with
from overthink.definition.errors import DefinitionError
from overthink.definition.flat import Differing, differing, flat
from overthink.report.averages import number_lines
from overthink.report.differences import as_record, difference_lines, meaning, unpaired_sentence
from overthink.report.grids import Grid
from overthink.report.intervals import intervals_meaning, marks_sentence
from overthink.report.tables import POLICY_TITLES, TITLES
from overthink.report.undetermined import explained
from overthink.running.provenance import attempts_of
from overthink.running.stored_run import definition_of
from overthink.store import tags
from overthink.store.correctness import CorrectnessReader
from overthink.store.readable import OF_ONE_RUN
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.store.unreadable import reading
from overthink.untrusted import name_of

MOST_VALUES = 1000
"""Of a provenance."""
MADE_WITH = ("imported", "cascade", "git", "lock_sha256", "versions", "machine", "settings")


class Side(NamedTuple):
    """One of two runs or groups that are compared."""

    name: str
    run_id: str
    definition: dict[str, str]
    """Path of a value -> the value as text."""
    made_with: dict[str, str]
    row: Row
    titles: dict[str, str]
    """Metric -> title, of the metrics that are compared."""


def side_of(store: ReadableStore, runs: Sequence[StoredRun], run: StoredRun) -> Side:
    """Read a run or a group; a group is represented by its newest finished run, a study by its primary arm.

    Raises DefinitionError where no run of a group is finished.
    """
    name, arms = run.name, run.arms if run.is_group else {}
    if arms:
        arm = primary_arm(run) or next(iter(arms))
        name, run = f"{run.name} / {arm}", as_group_of_arm(run, arm)
    members = runs_of_group(run, runs)
    finished = [other for other in members if other.is_finished]
    if run.is_group and not finished:
        raise DefinitionError(run.problem or f"{name}: none of its runs is finished")
    plain, made_with = _first_readable(store, finished if run.is_group else [run])
    if run.is_group:
        plain.pop("seeds", None)
    titles = POLICY_TITLES if run.is_policy else TITLES
    rows = overthinking_rows([run, *members] if run.is_group else [run], metrics=tuple(titles))
    (row,) = with_intervals(rows[:1], "both", CorrectnessReader(store.uri))
    return Side(name, run.run_id, flat(plain), made_with, row, titles)


def _first_readable(store: ReadableStore, runs: Sequence[StoredRun]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return definition and provenance of the first run of which they can be read; raises what is wrong where none."""
    wrong: Exception | None = None
    for run in runs:
        try:
            plain = {} if run.imported else definition_of(store, run.run_id).model_dump(mode="json")
            return plain, _made_with(store, run)
        except OF_ONE_RUN as error:
            wrong = wrong or error
    assert wrong is not None
    raise wrong


def _made_with(store: ReadableStore, run: StoredRun) -> dict[str, str]:
    text = store.text(run.run_id, tags.PROVENANCE_FILE)
    with reading(run.run_id, tags.PROVENANCE_FILE):
        attempts = attempts_of(text)
    last = attempts[-1] if attempts else {}
    made = {key: last[key] for key in MADE_WITH if key in last} | ({"data": run.data} if run.data else {})
    return {name_of(path): name_of(value) for path, value in islice(flat(made).items(), MOST_VALUES)}


def differing_parts(a: Side, b: Side) -> dict[str, list[Differing]]:
    """Return what differs in the definitions, and in the provenance, by these titles."""
    return {"definition": differing(a.definition, b.definition), "provenance": differing(a.made_with, b.made_with)}


def places_grid(title: str, places: Sequence[Differing]) -> Grid:
    """Return the table of values that differ."""
    rows = [["-" if value is None else value for value in place] for place in places]
    return Grid((title.capitalize(), "A", "B"), rows, words=3)


def results_grid(a: Side, b: Side) -> Grid:
    """Return the table of both results and their difference, in percent, paired by seed where seeds are shared."""
    compared = compared_with(b.row, a.row)
    pairs, without = compared.differences, why_no_pairs(compared)
    rows = []
    for metric, title in a.titles.items():
        of_a, of_b = (side.row.estimates.get(metric) for side in (a, b))
        difference = difference_lines(pairs.get(metric))
        if not difference and of_a is not None and of_b is not None:
            difference = (f"Δ {100 * (of_b.mean - of_a.mean):+.2f}", without)
        means = (number_lines(side.row, metric) for side in (a, b))
        rows.append([title, *("\n".join(lines) for lines in (*means, difference))])
    alone = unpaired_sentence(compared) if pairs and compared.unpaired else ""
    caption = " ".join(filter(None, (_caption(a, b, list(pairs.values())), alone)))
    return explained(Grid(("Test data, %", "A", "B", "B minus A"), rows, caption))


def why_no_pairs(compared: Row) -> str:
    """Return why a row (`compared_with`) has no differences seed by seed; empty where it has."""
    if compared.differences:
        return ""
    if compared.has_no_baseline or compared.has_other_labels:
        return "other data" if compared.has_no_baseline else "other labels"
    if len(compared.same_runs) == len(compared.finished):
        return "the same runs"
    return f"no {'other ' if compared.same_runs else ''}seed in common"


def _caption(a: Side, b: Side, pairs: Sequence[Difference]) -> str:
    of_a, of_b = (intervals_meaning([side.row]) for side in (a, b))
    of_means = f"A and B: {of_a}." if of_a == of_b else f"A: {of_a}; B: {of_b}."
    said = (of_means, marks_sentence([a.row, b.row]), meaning(pairs, "B minus A") if pairs else "")
    return " ".join(filter(None, said))


def as_plain(a: Side, b: Side, parts: Mapping[str, Sequence[Differing]]) -> dict[str, object]:
    """Return the comparison for JSON."""
    compared = compared_with(b.row, a.row)
    return {
        "first": _side_as_plain(a),
        "second": _side_as_plain(b),
        "definition": [place._asdict() for place in parts["definition"]],
        "made_with": [place._asdict() for place in parts["provenance"]],
        "second_minus_first": {metric: as_record(found) for metric, found in compared.differences.items()},
        "why_no_pairs": why_no_pairs(compared),
        "unpaired_seeds": [*compared.unpaired],
    }


def _side_as_plain(side: Side) -> dict[str, object]:
    runs = [*side.row.run_ids, *side.row.repeats.values()]
    return {"run_id": side.run_id, "name": side.name, "runs": runs, "values": side.row.values}
