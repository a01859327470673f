"""By what the rows of a table group runs: by variants of definitions, or by something that definitions share."""

from collections.abc import Iterable, Sequence

from overthink.comparison.arms import by_definition, in_arms, without_studies
from overthink.comparison.names import EARLIER
from overthink.store import tags
from overthink.store.stored import Part, StoredRun

GROUPINGS = ("variant", "definition", *tags.SUMMARY)
"""What runs can be grouped by besides any of their parameters: the variants of definitions, or a part of these."""
Key = tuple[str, ...]


def grouped(stored: Iterable[StoredRun], by: str) -> dict[Key, dict[Key, list[StoredRun]]]:
    """Return runs by row, and within a row by group: only runs of one group differ in their seeds alone.

    `by` is one of `GROUPINGS`, or a parameter such as `network.growth`. Rows are in the order of first runs. A study
    has a row an arm; it is left out where rows are grouped otherwise. A sweep's trial is a group of its own.
    """
    rows: dict[Key, dict[Key, list[StoredRun]]] = {}
    for run in _counted(sorted(stored, key=lambda run: run.started_ms), by):
        group = *run.whole_group, run.arm
        # A run may have been trained for another definition that asks for the very same: its key decides.
        row = group if by == "variant" else _shared(run, by)
        rows.setdefault(row, {}).setdefault(group, []).append(run)
    return rows


def name_of(run: StoredRun, by: str) -> str:
    """Return the name of the row that a run is in; two rows may have the same."""
    if by in tags.SUMMARY:
        return _part(run, by).label
    if by in GROUPINGS:
        return run.definition if by == "definition" else run.group_label
    value = parameter(run, by)
    return f"no {by}" if value is None else f"{by}={value}"


def parameter(run: StoredRun, path: str) -> str | None:
    """Return a parameter of a run or group, also one that runs of earlier versions do not have."""
    return run.params.get(path, EARLIER.get(path) if run.params else None)


def _counted(runs: Sequence[StoredRun], by: str) -> Iterable[StoredRun]:
    if by == "variant":
        return in_arms(runs)
    plain = without_studies(runs)
    if by == "definition":
        return by_definition(plain)
    if by in GROUPINGS:
        return plain
    # A group does not have the seeds of its runs: it belongs to no row of one.
    return [run for run in plain if not run.is_group or parameter(run, by) is not None]


def _shared(run: StoredRun, by: str) -> Key:
    if by not in GROUPINGS:
        return run.dataset.label, name_of(run, by), run.dataset.key
    # Runs of older versions have no keys of their parts: they go by their labels.
    part = Part(run.definition) if by == "definition" else _part(run, by)
    return run.dataset.label, part.label, run.dataset.key, part.key


def _part(run: StoredRun, name: str) -> Part:
    return {"dataset": run.dataset, "network": run.network, "regime": run.regime}[name]
