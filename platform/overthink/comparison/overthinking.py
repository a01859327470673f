"""The overthinking table: a row a group, its numbers over seeds, the paper's beside them, and what is missing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from overthink.comparison.arms import ARM, by_definition, in_arms, without_studies
from overthink.seeds import split_labels
from overthink.statistics.estimate import Estimate, estimate
from overthink.store import tags
from overthink.store.stored import StoredRun, newest_per_key

COLUMNS = (
    "test/accuracy/last",
    "test/overthinking/any_later",
    "test/overthinking/final",
    "test/oracle/accuracy",
)
GROUPINGS = ("variant", "definition", *tags.SUMMARY)
"""What runs can be grouped by: the variants of definitions, or something that they share."""


FACTS = ("overthink.labels", tags.part_key("network"), tags.part_key("regime"))
"""Of policy networks: their labels, and what tells whether two were trained alike."""
OF_TRAINING = ("training data", "permuted")
"""Words of the labels that say something of training and validation data alone (policy/label_spec.py)."""
MISSING = "missing"


@dataclass(frozen=True)
class PaperNumber:
    """What a paper gives for a cell."""

    value: float
    source: str
    approximate: bool


class Difference(NamedTuple):
    """A row minus a baseline, over the seeds that both have."""

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None
    """Ends of the 95% interval of the mean over seeds, as in an Estimate."""
    p: float
    """Of the exact sign-flip test."""
    p_holm: float
    """The same, corrected for all comparisons of the table."""
    effect: float | None
    """Hedges's g of the paired differences."""


class Gap(NamedTuple):
    """A run that a definition asks for and that is not among the numbers."""

    group: str
    """Definition and variant."""
    seed: str
    outcome: str
    """`missing` where no run has been started, else how it stands: diverged, failed, interrupted, running."""


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
    gaps: tuple[Gap, ...]
    values: dict[str, tuple[float, ...]]
    """By metric that all of them have: one number a run, in the same order."""
    facts: dict[str, str] = field(default_factory=dict)
    """FACTS that its runs share, by tag."""
    differences: dict[str, Difference] = field(default_factory=dict)
    """By metric: this row minus a baseline, seed by seed; filled by `paired`."""
    unpaired: tuple[str, ...] = ()
    """Seeds that only one of the two has; filled by `paired`."""
    dataset_key: str = ""
    """Equal keys, equal data; runs of older versions have none."""
    data: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Digest -> seeds of the finished runs that saw such data; more than one where, say, a file was replaced."""
    labelled: dict[str, str] = field(default_factory=dict)
    """Of policy networks, by seed: what made the labels of the test samples; empty for multi-exit networks."""
    has_other_labels: bool = False
    """Whether the baseline's labels are made otherwise, so that a difference says nothing; filled by `paired`."""
    has_no_baseline: bool = False
    """Whether the baseline has no run on the same data; filled by `paired`."""


def overthinking_rows(stored: Iterable[StoredRun], by: str = "variant", metrics: Sequence[str] = COLUMNS) -> list[Row]:
    """Return the rows of the table in the order of first runs, grouped by variant or by something that runs share.

    Runs are told apart by what they are, not by what they are called: where two rows would read the same, each also
    shows the beginning of its keys. A study has a row an arm; grouped by anything but the variant, it has no part.
    """
    members: dict[tuple[str, ...], list[StoredRun]] = {}
    ordered = sorted(stored, key=lambda run: run.started_ms)
    for run in _counted(ordered, by):
        members.setdefault(_identity(run, by), []).append(run)
    rows = {identity: _row(runs, by, metrics) for identity, runs in members.items()}
    return [_told_apart(identity, row, rows) for identity, row in rows.items()]


def _counted(runs: Sequence[StoredRun], by: str) -> Iterable[StoredRun]:
    if by == "variant":
        return in_arms(runs)
    plain = without_studies(runs)
    return by_definition(plain) if by == "definition" else plain


def _identity(run: StoredRun, by: str) -> tuple[str, ...]:
    if by == "variant":  # a run may have been trained for another definition that asks for the very same
        return run.tags.get(tags.GROUP_KEY, ""), run.tags.get(ARM, "")
    if by == "definition":
        return run.tags.get(tags.part_key("dataset"), ""), run.tags.get(tags.DEFINITION, "")
    # Runs of older versions have no keys of their parts: they go by their names.
    named = (run.tags.get("overthink.dataset", ""), run.tags.get(f"overthink.{by}", ""))
    return *named, run.tags.get(tags.part_key("dataset"), ""), run.tags.get(tags.part_key(by), "")


def _told_apart(identity: tuple[str, ...], row: Row, rows: dict[tuple[str, ...], Row]) -> Row:
    alike = [key for key, other in rows.items() if (other.dataset, other.group) == (row.dataset, row.group)]
    differing = [key for place, key in enumerate(identity) if len({other[place] for other in alike}) > 1]
    return replace(row, group=" ".join([row.group, *(f"#{key[:6]}" for key in differing)]))


def _row(members: Sequence[StoredRun], by: str, metrics: Sequence[str]) -> Row:
    asked = sorted((run for run in members if run.is_group), key=lambda run: (run.is_only_asked, run.started_ms))
    groups = {run.tags.get(tags.GROUP_KEY, ""): run for run in asked}
    runs = newest_per_key(run for run in members if not run.is_group).values()
    finished = [run for run in runs if run.outcome == tags.FINISHED]
    newest = (asked or list(members))[-1]
    return Row(
        dataset=newest.tags.get("overthink.dataset", ""),
        group=_label(newest) if by == "variant" else newest.tags.get(f"overthink.{by}", ""),
        estimates={
            metric: estimate(values)
            for metric in metrics
            if (values := [run.metrics[metric] for run in finished if metric in run.metrics])
        },
        reported=_reported(groups.values(), metrics),
        finished=tuple(run.tags.get(tags.SEEDS, "") for run in finished),
        run_ids=tuple(run.run_id for run in finished),
        gaps=(*_missing(asked, runs), *_unfinished(runs)),
        values={
            metric: tuple(run.metrics[metric] for run in finished)
            for metric in metrics
            if all(metric in run.metrics for run in finished)
        },
        facts={tag: newest.tags[tag] for tag in FACTS if tag in newest.tags},
        dataset_key=newest.tags.get(tags.part_key("dataset"), ""),
        data={
            digest: tuple(run.tags.get(tags.SEEDS, "") for run in finished if run.data == digest)
            for digest in dict.fromkeys(run.data for run in finished if run.data)
        },
        labelled={run.tags.get(tags.SEEDS, ""): _labelled(run) for run in finished if tags.TASK in run.tags},
    )


def _labelled(run: StoredRun) -> str:
    """Return what makes a policy network's test labels: main network, rule and exits; training's part is left out."""
    words = run.tags.get("overthink.labels", "").split(", ")
    return " ".join((run.tags.get(tags.MAIN_KEY, ""), *(word for word in words if word not in OF_TRAINING)))


def _label(run: StoredRun) -> str:
    changes = run.tags.get(tags.CHANGES, "")
    arm = f" / {run.tags[ARM]}" if ARM in run.tags else ""
    name = f"{run.tags.get(tags.DEFINITION, '')}: {run.tags.get(tags.VARIANT, '')}{arm}"
    return f"{name} [{changes}]" if changes else name


def _unfinished(runs: Iterable[StoredRun]) -> list[Gap]:
    return [Gap(_label(run), run.tags.get(tags.SEEDS, ""), run.outcome) for run in runs if run.outcome != tags.FINISHED]


def _missing(groups: Sequence[StoredRun], runs: Iterable[StoredRun]) -> list[Gap]:
    there = {(run.tags.get(tags.GROUP_KEY), run.tags.get(tags.SEEDS)) for run in runs}
    gaps = {
        (group.tags.get(tags.GROUP_KEY), seed): Gap(_label(group), seed, MISSING)
        for group in groups
        for seed in split_labels(group.tags.get(tags.SEEDS, ""))
    }
    return [gap for key, gap in gaps.items() if key not in there]


def _reported(groups: Iterable[StoredRun], metrics: Sequence[str]) -> dict[str, PaperNumber]:
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
