"""The overthinking table: a row a group, its numbers over seeds, the paper's beside them, and what is missing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from overthink.comparison.estimate import Estimate, estimate
from overthink.tracking import tags
from overthink.tracking.stored import StoredRun, newest_per_key

COLUMNS = (
    "test/accuracy/last",
    "test/overthinking/any_later",
    "test/overthinking/final",
    "test/oracle/accuracy",
)
GROUPINGS = ("variant", "definition", *tags.SUMMARY)
"""What runs can be grouped by: the variants of definitions, or something that they share."""


@dataclass(frozen=True)
class PaperNumber:
    """What a paper gives for a cell."""

    value: float
    source: str
    approximate: bool


@dataclass(frozen=True)
class Row:
    """One group of runs."""

    dataset: str
    group: str
    estimates: dict[str, Estimate]
    """By metric; a metric that no finished run has is left out."""
    reported: dict[str, PaperNumber]
    finished: tuple[str, ...]
    """Seeds of the runs behind the numbers."""
    run_ids: tuple[str, ...]
    """MLflow ids of the same runs, in the same order."""
    missing: tuple[str, ...]
    """Seeds that the definition asks for and no run has."""
    unfinished: dict[str, str]
    """Seed -> outcome of runs that did not finish: diverged, failed, interrupted, running."""


def overthinking_rows(stored: Iterable[StoredRun], by: str = "variant", metrics: Sequence[str] = COLUMNS) -> list[Row]:
    """Return the rows of the table in the order of first runs, grouped by variant or by something that runs share."""
    members: dict[tuple[str, ...], list[StoredRun]] = {}
    for run in sorted(stored, key=lambda run: run.started_ms):
        members.setdefault(_group_of(run, by), []).append(run)
    return [_row(runs, by, metrics) for runs in members.values()]


def _group_of(run: StoredRun, by: str) -> tuple[str, ...]:
    if by == "variant":  # a run may have been trained for another definition that asks for the very same
        return (run.tags.get(tags.GROUP_KEY, ""),)
    return run.tags.get("overthink.dataset", ""), run.tags.get(f"overthink.{by}", "")


def _row(members: Sequence[StoredRun], by: str, metrics: Sequence[str]) -> Row:
    groups = [run for run in members if run.is_group]
    runs = newest_per_key(run for run in members if not run.is_group).values()
    finished = [run for run in runs if run.outcome == tags.FINISHED]
    newest = (groups or list(members))[-1]
    names = (tags.DEFINITION, tags.VARIANT) if by == "variant" else (f"overthink.{by}",)
    return Row(
        dataset=newest.tags.get("overthink.dataset", ""),
        group=": ".join(newest.tags.get(name, "") for name in names),
        estimates={
            metric: estimate(values)
            for metric in metrics
            if (values := [run.metrics[metric] for run in finished if metric in run.metrics])
        },
        reported=_reported(groups, metrics),
        finished=tuple(run.tags.get(tags.SEEDS, "") for run in finished),
        run_ids=tuple(run.run_id for run in finished),
        missing=_missing(groups, runs),
        unfinished={run.tags.get(tags.SEEDS, ""): run.outcome for run in runs if run.outcome != tags.FINISHED},
    )


def _missing(groups: Sequence[StoredRun], runs: Iterable[StoredRun]) -> tuple[str, ...]:
    there = {(run.tags.get(tags.GROUP_KEY), run.tags.get(tags.SEEDS)) for run in runs}
    asked = ((group.tags.get(tags.GROUP_KEY), seed) for group in groups for seed in group.tags[tags.SEEDS].split())
    return tuple(dict.fromkeys(str(seed) for key, seed in asked if (key, seed) not in there))


def _reported(groups: Sequence[StoredRun], metrics: Sequence[str]) -> dict[str, PaperNumber]:
    """Read a paper's numbers off the groups; pooled groups with different numbers have none."""
    stored = {group.tags.get(tags.REPORTED, "") for group in groups}
    if len(stored) != 1:
        return {}
    try:
        return {
            str(entry["metric"]): PaperNumber(float(entry["value"]), str(entry["source"]), bool(entry["approximate"]))
            for entry in json.loads(stored.pop() or "[]")
            if entry["metric"] in metrics
        }
    except (ValueError, TypeError, KeyError):  # a tag that somebody else wrote
        return {}
