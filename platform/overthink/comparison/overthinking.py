"""The overthinking table: a row a group, its numbers over seeds, the paper's beside them, and the missing runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from overthink.comparison.arms import by_definition, in_arms, without_studies
from overthink.comparison.difference import Difference
from overthink.comparison.ranges import metric_estimate
from overthink.statistics.estimate import Estimate, Over
from overthink.store import tags
from overthink.store.stored import UNKNOWN, PaperNumber, Part, StoredRun, newest_per_key

COLUMNS = (
    "test/accuracy/last",
    "test/overthinking/any_later",
    "test/overthinking/final",
    "test/oracle/accuracy",
)
GROUPINGS = ("variant", "definition", *tags.SUMMARY)
"""What runs can be grouped by: the variants of definitions, or something that they share."""

MISSING = "missing"


class Gap(NamedTuple):
    """A run that a definition asks for and that is not among the numbers."""

    group: str
    """Definition and variant."""
    seed: str
    outcome: str
    """`missing` where no run has been started, else how it stands: diverged, failed, interrupted, running."""
    message: str = ""
    """Why it ended as it did, as the store has it."""


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
    definition: str = ""
    """Of rows grouped by variant: `group` is `definition: short_name`."""
    short_name: str = ""
    """The variant, arm and changes of such a row; the group of any other."""
    labels: str = ""
    """Of policy networks: how their samples got their labels."""
    network: Part = UNKNOWN
    regime: Part = UNKNOWN
    differences: dict[str, Difference] = field(default_factory=dict)
    """By metric: this row minus a baseline, seed by seed; filled by `paired`."""
    unpaired: tuple[str, ...] = ()
    """Seeds that only one of the two has; filled by `paired`."""
    dataset_key: str = ""
    """Equal keys, equal data; runs of older versions have none."""
    data: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Digest -> seeds of the finished runs trained on such data; more than one where, say, a file was replaced."""
    test_labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of policy networks, by seed: key of the main network and of the rule that gave the test samples their labels."""
    of_group: dict[str, float] = field(default_factory=dict)
    """By metric: what a group has and none of its runs, such as a noise ceiling; empty where groups are pooled."""
    has_other_labels: bool = False
    """Whether the baseline's labels are made otherwise, so that a difference has no meaning; filled by `paired`."""
    interval: Over = "seeds"
    """What the intervals of its table hold for where an estimate does not say otherwise; filled by `with_intervals`."""
    no_new_samples: str = ""
    """Why its intervals do not hold for new samples although that was asked for; filled by `with_intervals`."""
    has_no_baseline: bool = False
    """Whether the baseline has no run on the same data; filled by `paired`."""


def overthinking_rows(stored: Iterable[StoredRun], by: str = "variant", metrics: Sequence[str] = COLUMNS) -> list[Row]:
    """Return the rows of the table in the order of first runs, grouped by variant or by something that runs share.

    Runs are grouped by keys, not by names: where two rows would have the same name, each also shows the beginning of
    its key. A study has a row an arm; it is left out where rows are grouped otherwise.
    """
    members: dict[tuple[str, ...], list[StoredRun]] = {}
    ordered = sorted(stored, key=lambda run: run.started_ms)
    for run in _counted(ordered, by):
        members.setdefault(_identity(run, by), []).append(run)
    rows = {identity: _row(runs, by, metrics) for identity, runs in members.items()}
    return [_with_distinct_name(identity, row, rows) for identity, row in rows.items()]


def _counted(runs: Sequence[StoredRun], by: str) -> Iterable[StoredRun]:
    if by == "variant":
        return in_arms(runs)
    plain = without_studies(runs)
    return by_definition(plain) if by == "definition" else plain


def _identity(run: StoredRun, by: str) -> tuple[str, ...]:
    if by == "variant":  # a run may have been trained for another definition that asks for the very same
        return run.group_key, run.arm
    if by == "definition":
        return run.dataset.key, run.definition
    # Runs of older versions have no keys of their parts: they go by their names.
    part = _part(run, by)
    return run.dataset.label, part.label, run.dataset.key, part.key


def _part(run: StoredRun, name: str) -> Part:
    return {"dataset": run.dataset, "network": run.network, "regime": run.regime}[name]


def _name(run: StoredRun, by: str) -> str:
    if by in tags.SUMMARY:
        return _part(run, by).label
    return run.definition if by == "definition" else run.group_label


def _with_distinct_name(identity: tuple[str, ...], row: Row, rows: dict[tuple[str, ...], Row]) -> Row:
    alike = [key for key, other in rows.items() if (other.dataset, other.group) == (row.dataset, row.group)]
    differing = [key for place, key in enumerate(identity) if len({other[place] for other in alike}) > 1]
    suffix = "".join(f" #{key[:6]}" for key in differing)
    return replace(row, group=row.group + suffix, short_name=row.short_name + suffix)


def _row(members: Sequence[StoredRun], by: str, metrics: Sequence[str]) -> Row:
    asked = sorted((run for run in members if run.is_group), key=lambda run: (run.is_only_asked, run.started_ms))
    groups = {run.group_key: run for run in asked}
    runs = newest_per_key(run for run in members if not run.is_group).values()
    finished = [run for run in runs if run.is_finished]
    newest = (asked or list(members))[-1]
    return Row(
        dataset=newest.dataset.label,
        group=_name(newest, by),
        estimates={
            metric: metric_estimate(metric, values)
            for metric in metrics
            if (values := [run.metrics[metric] for run in finished if metric in run.metrics])
        },
        reported=_reported(groups.values(), metrics),
        finished=tuple(run.seeds_label for run in finished),
        run_ids=tuple(run.run_id for run in finished),
        gaps=(*_missing(asked, runs), *_unfinished(runs)),
        values={
            metric: tuple(run.metrics[metric] for run in finished)
            for metric in metrics
            if all(metric in run.metrics for run in finished)
        },
        definition=newest.definition if by == "variant" else "",
        short_name=newest.variant_label if by == "variant" else _name(newest, by),
        labels=newest.labels.label if newest.labels else "",
        network=newest.network,
        regime=newest.regime,
        dataset_key=newest.dataset.key,
        data={
            digest: tuple(run.seeds_label for run in finished if run.data == digest)
            for digest in dict.fromkeys(run.data for run in finished if run.data)
        },
        of_group=_of_group(asked, finished, metrics),
        test_labels={run.seeds_label: _test_labels(run) for run in finished if run.is_policy},
    )


def _of_group(groups: Sequence[StoredRun], runs: Sequence[StoredRun], metrics: Sequence[str]) -> dict[str, float]:
    if len({group.group_key for group in groups}) != 1:
        return {}
    own = [metric for metric in metrics if not any(metric in run.metrics for run in runs)]
    return {metric: group.metrics[metric] for group in groups for metric in own if metric in group.metrics}


def _test_labels(run: StoredRun) -> tuple[str, str]:
    """Return what makes a policy network's test labels: its main network, and the rule and exits."""
    return run.main.key if run.main else "", run.labels.test_key if run.labels else ""


def _unfinished(runs: Iterable[StoredRun]) -> list[Gap]:
    return [Gap(run.group_label, run.seeds_label, run.outcome, run.message) for run in runs if not run.is_finished]


def _missing(groups: Sequence[StoredRun], runs: Iterable[StoredRun]) -> list[Gap]:
    there = {(run.group_key, *run.seeds) for run in runs}
    gaps = {
        (group.group_key, seeds): Gap(group.group_label, seeds.label, MISSING)
        for group in groups
        for seeds in group.seeds
    }
    return [gap for key, gap in gaps.items() if key not in there]


def _reported(groups: Iterable[StoredRun], metrics: Sequence[str]) -> dict[str, PaperNumber]:
    """Return a paper's numbers for the groups; pooled groups with different numbers have none."""
    stored = [group.reported for group in groups]
    if not stored or any(other != stored[0] for other in stored):
        return {}
    return {metric: number for metric, number in stored[0].items() if metric in metrics}
