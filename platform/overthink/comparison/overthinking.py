"""The overthinking table: a row a group, its numbers over seeds, the paper's beside them, and the missing runs.

Only runs that differ in their seeds alone, those of one group, are averaged as seeds. A row of several groups is a row
of rows: its numbers are means over groups of their means over seeds, and have no interval over seeds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from overthink.comparison.difference import Difference
from overthink.comparison.grouping import grouped, name_of
from overthink.comparison.kernels import computed_by
from overthink.comparison.names import Named, in_common, suffixes
from overthink.comparison.observations import by_training, count_trainings, held_fixed
from overthink.comparison.ranges import metric_estimate
from overthink.statistics.estimate import Estimate, Over
from overthink.statistics.over_groups import OverGroups, over_groups
from overthink.store.stored import UNKNOWN, PaperNumber, Part, StoredRun, newest_per_key

COLUMNS = (
    "test/accuracy/last",
    "test/overthinking/any_later",
    "test/overthinking/final",
    "test/oracle/accuracy",
)
MISSING = "missing"


class Gap(NamedTuple):
    """A run that a definition asks for and that is not among the numbers."""

    group: str
    """Definition and variant."""
    seed: str
    outcome: str
    """`missing` where no run has been started, else how it stands: diverged, failed, interrupted, running."""
    message: str
    """Why it ended as it did, as the store has it."""
    whole_group: tuple[str, str]
    """What tells its group from others."""


@dataclass(frozen=True)
class Row:
    """One group of runs, or several groups that share something."""

    dataset: str
    group: str
    estimates: dict[str, Estimate]
    """By metric; a metric that no finished run has is left out. None in a row of several groups."""
    reported: dict[str, PaperNumber]
    finished: tuple[str, ...]
    """Seeds of the runs behind the numbers, one a training."""
    run_ids: tuple[str, ...]
    """MLflow ids of the same runs, in the same order."""
    gaps: tuple[Gap, ...]
    whole_groups: tuple[tuple[str, str], ...]
    """What tells its groups from others; rows of a study's arms have the same."""
    values: dict[str, tuple[float, ...]]
    """By metric that all of them have: one number a run, in the same order. None in a row of several groups."""
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
    """Seeds that only one of the two has on the same data; filled by `paired`."""
    dataset_key: str = ""
    """Equal keys, equal data; runs of older versions have none."""
    data: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Digest -> seeds of the finished runs trained on such data; more than one where, say, a file was replaced."""
    computed_by: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Kernels and instruction set, `native (x86-64-v4)` -> seeds of the finished runs; more than one where these mix.
    """
    kernels: tuple[str, ...] = ()
    """Kernels of its groups: torch, native, or both; none of networks trained elsewhere."""
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
    has_several_groups: bool = False
    """Whether it cannot be paired with the baseline, since seeds of one group mean nothing in another; by `paired`."""
    same_runs: tuple[str, ...] = ()
    """Seeds of runs that are the baseline's, too, as the repeat 0 of all arms: no pairs; filled by `paired`."""
    asked: int = 0
    """Different trainings that are asked for, or were begun."""
    repeats: dict[str, str] = field(default_factory=dict)
    """Seed -> MLflow id, of finished runs that repeat one of these: equal by construction, so they do not count."""
    alone: str = ""
    """Seeds of a row that is one run, chosen without its group."""
    repeats_differ: bool = False
    """Whether they are not equal all the same: something besides the seeds changed the training."""
    fixed: tuple[str, ...] = ()
    """What all its runs share (see `held_fixed`): its intervals do not cover other values of that."""
    best_of: int = 0
    """Of the best trial of a sweep that the table shows no other trial of: how many trials there are."""
    best_by: tuple[str, ...] = ()
    """The objectives of that sweep."""
    of_arms: int = 0
    """Of the primary arm of a study that the table shows no other arm of: how many arms there are."""
    groups: tuple["Row", ...] = ()
    """Of a row of several groups: a row each."""
    over_groups: dict[str, OverGroups] = field(default_factory=dict)
    """Of a row of several groups, by metric."""


def overthinking_rows(stored: Iterable[StoredRun], by: str = "variant", metrics: Sequence[str] = COLUMNS) -> list[Row]:
    """Return the rows of the table in the order of first runs, grouped by variant or by something that runs share.

    `by` is one of `GROUPINGS`, or a parameter; runs and groups then need theirs. Runs are grouped by keys, not names:
    rows that would have the same name show what differs in their definitions. A study has a row an arm; it is left out
    where rows are grouped otherwise.
    """
    found = grouped(stored, by)
    rows = [
        _nested(groups, by, metrics) if len(groups) > 1 else _row(next(iter(groups.values())), by, metrics)
        for groups in found.values()
    ]
    params = [in_common([_params(members) for members in groups.values()]) for groups in found.values()]
    return _with_distinct_names(rows, params, list(found))


def _with_distinct_names(
    rows: Sequence[Row], params: Sequence[Mapping[str, str]], keys: Sequence[tuple[str, ...]]
) -> list[Row]:
    named = [Named((row.dataset, row.group), those, key) for row, those, key in zip(rows, params, keys, strict=True)]
    return [
        replace(row, group=row.group + suffix, short_name=row.short_name + suffix)
        for row, suffix in zip(rows, suffixes(named), strict=True)
    ]


def _params(members: Sequence[StoredRun]) -> Mapping[str, str]:
    return next((run.params for run in sorted(members, key=lambda run: not run.is_group) if run.params), {})


def _nested(groups: Mapping[tuple[str, ...], Sequence[StoredRun]], by: str, metrics: Sequence[str]) -> Row:
    """Return a row of several groups: what they have in common, and their numbers side by side."""
    rows = [_row(members, "variant", metrics) for members in groups.values()]
    rows = _with_distinct_names(rows, [_params(members) for members in groups.values()], list(groups))
    whole = _row([run for members in groups.values() for run in members], by, metrics)
    return replace(
        whole,
        estimates={},
        values={},
        finished=tuple(seed for row in rows for seed in row.finished),
        run_ids=tuple(run_id for row in rows for run_id in row.run_ids),
        data=_by_all(rows, [row.data for row in rows]),
        computed_by=_by_all(rows, [row.computed_by for row in rows]),
        labels=whole.labels if len({row.labels for row in rows}) == 1 else "",
        network=whole.network if len({row.network for row in rows}) == 1 else UNKNOWN,
        regime=whole.regime if len({row.regime for row in rows}) == 1 else UNKNOWN,
        fixed=(),
        test_labels={},
        groups=tuple(rows),
        over_groups={
            metric: found
            for metric in metrics
            if (found := over_groups([row.estimates.get(metric) for row in rows])) is not None
        },
    )


def _row(members: Sequence[StoredRun], by: str, metrics: Sequence[str]) -> Row:
    asked = sorted((run for run in members if run.is_group), key=lambda run: (run.is_only_asked, run.started_ms))
    groups = {run.group_key: run for run in asked}
    runs = newest_per_key(run for run in members if not run.is_group).values()
    trainings = by_training(run for run in runs if run.is_finished)
    finished = [repeats[0] for repeats in trainings]
    newest = (asked or list(members))[-1]
    best = next((group for group in asked if group.best_of), None)
    return Row(
        dataset=newest.dataset.label,
        group=name_of(newest, by),
        estimates={
            metric: metric_estimate(metric, values)
            for metric in metrics
            if (values := [run.metrics[metric] for run in finished if metric in run.metrics])
        },
        reported=_reported(groups.values(), metrics),
        finished=tuple(run.seeds_label for run in finished),
        run_ids=tuple(run.run_id for run in finished),
        gaps=(*_missing(asked, runs), *_unfinished(runs)),
        whole_groups=tuple(dict.fromkeys(run.whole_group for run in members)),
        values={
            metric: tuple(run.metrics[metric] for run in finished)
            for metric in metrics
            if all(metric in run.metrics for run in finished)
        },
        definition=newest.definition if by == "variant" else "",
        short_name=newest.variant_label if by == "variant" else name_of(newest, by),
        labels=newest.labels.label if newest.labels else "",
        network=newest.network,
        regime=newest.regime,
        dataset_key=newest.dataset.key,
        data={
            digest: tuple(run.seeds_label for run in finished if run.data == digest)
            for digest in dict.fromkeys(run.data for run in finished if run.data)
        },
        computed_by=computed_by(finished),
        kernels=tuple(dict.fromkeys(run.kernels for run in (*asked, *finished) if run.kernels)),
        of_group=_of_group(asked, finished, metrics),
        test_labels={run.seeds_label: _test_labels(run) for run in finished if run.is_policy},
        asked=count_trainings(asked, runs),
        repeats={run.seeds_label: run.run_id for _, *others in trainings for run in others},
        alone="" if asked or len(runs) > 1 else ", ".join(run.seeds_label for run in runs),
        repeats_differ=any(
            run.metrics.get(metric) != first.metrics.get(metric)
            for first, *others in trainings
            for run in others
            for metric in metrics
        ),
        fixed=held_fixed(finished),
        best_of=best.best_of if best else 0,
        of_arms=max((group.of_arms for group in asked), default=0),
        best_by=tuple(one.metric for one in best.score.objectives) if best and best.score else (),
    )


def _of_group(groups: Sequence[StoredRun], runs: Sequence[StoredRun], metrics: Sequence[str]) -> dict[str, float]:
    if len({group.group_key for group in groups}) != 1:
        return {}
    own = [metric for metric in metrics if not any(metric in run.metrics for run in runs)]
    return {metric: group.metrics[metric] for group in groups for metric in own if metric in group.metrics}


def _by_all(rows: Sequence[Row], seeds_of: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    """Return the seeds of several groups by what they have: a seed alone would not say of which group it is."""
    return {
        shared: tuple(
            f"{seed} of {row.group}"
            for row, of_row in zip(rows, seeds_of, strict=True)
            for seed in of_row.get(shared, ())
        )
        for shared in dict.fromkeys(shared for of_row in seeds_of for shared in of_row)
    }


def _test_labels(run: StoredRun) -> tuple[str, str]:
    """Return what makes a policy network's test labels: its main network, and the rule and exits."""
    return run.main.key if run.main else "", run.labels.test_key if run.labels else ""


def _unfinished(runs: Iterable[StoredRun]) -> list[Gap]:
    return [
        Gap(run.group_label, run.seeds_label, run.outcome, run.message, run.whole_group)
        for run in runs
        if not run.is_finished
    ]


def _missing(groups: Sequence[StoredRun], runs: Iterable[StoredRun]) -> list[Gap]:
    there = {(run.group_key, *run.seeds) for run in runs}
    gaps = {
        (group.group_key, seeds): Gap(group.group_label, seeds.label, MISSING, "", group.whole_group)
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
