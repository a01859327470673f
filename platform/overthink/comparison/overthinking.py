"""The overthinking table: a row a group, its numbers over seeds, the paper's beside them, and what is missing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from overthink.comparison.estimate import Estimate, estimate
from overthink.comparison.frame import newest_per_run_key
from overthink.tracking import tags

COLUMNS = (
    "test/accuracy/last",
    "test/overthinking/any_later",
    "test/overthinking/final",
    "test/oracle/accuracy",
)


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


def overthinking_rows(frame: pd.DataFrame, by: str = "variant", metrics: Sequence[str] = COLUMNS) -> list[Row]:
    """Return the rows of the table, grouped by variant (a definition's own groups) or another column of the frame."""
    runs = newest_per_run_key(frame)
    groups = frame[frame["kind"] == tags.KIND_GROUP]
    keys = ["group_key"] if by == "variant" else list(dict.fromkeys(["dataset", by]))
    rows = []
    known = pd.concat([groups, runs]).sort_values("started_ms", kind="stable")
    for values, members in known.groupby(keys, sort=False):
        of_group = members[members["kind"] == tags.KIND_RUN]
        parents = members[members["kind"] == tags.KIND_GROUP]
        newest = (parents if len(parents) else members).iloc[-1]
        label = f"{newest['definition']}: {newest['variant']}" if by == "variant" else str(values[-1])
        rows.append(_row(str(newest["dataset"]), label, of_group, parents, metrics))
    return rows


def _row(dataset: str, label: str, runs: pd.DataFrame, parents: pd.DataFrame, metrics: Sequence[str]) -> Row:
    finished = runs[runs["outcome"] == tags.FINISHED]
    others = runs[runs["outcome"] != tags.FINISHED]
    asked = [
        (group_key, seed)
        for group_key, seeds in zip(parents["group_key"], parents["seeds"], strict=True)
        for seed in str(seeds).split()
    ]
    there = set(zip(runs["group_key"], runs["seeds"], strict=True))
    return Row(
        dataset=dataset,
        group=label,
        estimates={
            metric: estimate(values)
            for metric in metrics
            if metric in finished and (values := finished[metric].dropna().tolist())
        },
        reported=_reported(parents, metrics),
        finished=tuple(finished["seeds"]),
        run_ids=tuple(finished["run_id"]),
        missing=tuple(dict.fromkeys(seed for group_key, seed in asked if (group_key, seed) not in there)),
        unfinished=dict(zip(others["seeds"], others["outcome"], strict=True)),
    )


def _reported(parents: pd.DataFrame, metrics: Sequence[str]) -> dict[str, PaperNumber]:
    """Read a paper's numbers off the newest group; pooled groups with different numbers have none."""
    stored = set(parents["reported"]) if len(parents) else set()
    if len(stored) != 1:
        return {}
    try:
        entries = json.loads(stored.pop() or "[]")
        return {
            str(entry["metric"]): PaperNumber(float(entry["value"]), str(entry["source"]), bool(entry["approximate"]))
            for entry in entries
            if entry["metric"] in metrics
        }
    except (ValueError, TypeError, KeyError):  # a tag that somebody else wrote
        return {}
