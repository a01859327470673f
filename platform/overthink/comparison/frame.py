"""Stored runs as a tidy pandas frame: a row a run, a column a fact, a parameter or a metric; and means over seeds.

Runs of one definition and variant may differ by `--set`: what tells groups of runs apart is the group key. So
`over_seeds` groups by it, and the column `group` names no two groups alike.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from overthink.comparison import named_values
from overthink.comparison.arms import asked_by, in_arms, without_studies
from overthink.comparison.intervals import crossed_estimates
from overthink.comparison.names import Named, suffixes
from overthink.comparison.observations import fixed_streams
from overthink.comparison.ranges import metric_estimate
from overthink.comparison.stored_runs import stored_runs
from overthink.seeds import Seeds, seeds_of_labels
from overthink.sentences import check_one_of
from overthink.statistics.estimate import OVERS, Estimate, Over
from overthink.store import tags
from overthink.store.correctness import CorrectnessReader
from overthink.store.public import StoreName, uri_of
from overthink.store.stored import StoredRun
from overthink.store.unreadable import problems_of, warn
from overthink.untrusted import parse_json

FACTS: dict[str, Callable[[StoredRun], Any]] = {
    "group": lambda run: run.group_label,
    **{name: named_values.FACTS[name] for name in ("definition", "variant", "changes")},
    "arm": lambda run: run.arm,
    "sweep": lambda run: run.sweep,
    "seed": named_values.FACTS["seed"],
    "outcome": named_values.FACTS["status"],
    **{name: named_values.FACTS[name] for name in ("dataset", "network", "regime", "labels", "kernels")},
    **{name: named_values.FACTS[name] for name in ("instruction_set", "kind", "task")},
    "run_id": lambda run: run.run_id,
    **{name: named_values.FACTS[name] for name in ("group_key", "run_key")},
    "started": lambda run: pd.Timestamp(run.started_ms, unit="ms", tz="UTC"),
    "data": named_values.FACTS["data"],
}
"""Column -> its value for a run."""
GROUP = (
    *("group", "definition", "variant", "changes", "arm", "sweep"),
    *("dataset", "network", "regime", "labels", "kernels", "group_key"),
)
"""Columns that all runs of a group share."""
STORE = "store"
"""Attribute of a frame: the tracking URI of the store that it was read from."""


def runs(
    store: StoreName = None, definitions: str | Sequence[str] = (), arms: bool = False, groups: bool = False
) -> pd.DataFrame:
    """Return the runs of a store as a tidy frame, newest first: a row a run.

    A run of a sweep's trial that an experiment asks for, too, has two: a trial is a group of its own, since it is
    chosen among many by how its seeds came out.

    Args:
        store: A tracking URI or an SQLite file; by default MLFLOW_TRACKING_URI, else `mlflow.db` here.
        definitions: Name or names of definitions (MLflow experiments); all of them where left out. A run counts for
            every definition that asks for it, whichever trained it.
        arms: Whether runs of studies are listed, too: once for each arm that they are in, named in column `arm`. They
            are no independent seeds, so they are left out otherwise.
        groups: Whether groups, which hold means over their runs, have rows, too (`kind` is then `group`).

    Returns:
        A frame with the columns `group` (a name that no two groups share), `definition`, `variant`, `changes` (what
        `--set` changed), `arm`, `sweep` (of a trial's runs), `seed`, `outcome`, `dataset`, `network`, `regime`,
        `labels`, `kernels` (`torch` or `native`), `instruction_set`, `kind`, `task`, `run_id`, `group_key`, `run_key`,
        `started` and `data`; a column a parameter (`regime.0.epochs`); a column a metric (`test/accuracy/last`), rates
        as fractions. What a run does not have is NaN.

    Raises:
        StoreError: The store does not answer.

    Example:
        >>> import overthink
        >>> frame = overthink.runs(definitions="small")
        >>> long = frame[frame["group"] == "small: long"]
        >>> long[["seed", "outcome", "regime.0.epochs"]].to_dict("list")
        {'seed': ['1', '0'], 'outcome': ['finished', 'finished'], 'regime.0.epochs': [3, 3]}
    """
    uri = uri_of(store)
    stored = stored_runs(uri=uri, params=True)
    if definitions:
        stored = asked_by({definitions} if isinstance(definitions, str) else {*definitions}, stored)
    warn(problems_of(stored))
    frame = frame_of(in_arms(stored) if arms else without_studies(stored), groups)
    frame.attrs[STORE] = uri
    return frame


def frame_of(stored: Iterable[StoredRun], groups: bool = True) -> pd.DataFrame:
    """Return a frame with a row a run, and a group where asked for; columns as `runs` returns them."""
    counted = list(stored)
    names = _group_names(counted)
    listed = [run for run in counted if groups or not run.is_group]
    rows = [
        {name: value(run) for name, value in FACTS.items()}
        | {"group": names[_group_of(run)]}
        | {path: _value(text) for path, text in run.params.items() if path not in FACTS and "/" not in path}
        | {name: value for name, value in run.metrics.items() if "/" in name}
        for run in listed
    ]
    columns = [*FACTS, *sorted({name for row in rows for name in row} - FACTS.keys(), key=_parameters_first)]
    return pd.DataFrame(rows, columns=columns)


def _group_of(run: StoredRun) -> tuple[str, str, str]:
    return run.group_key, run.arm, run.sweep


def _group_names(stored: Sequence[StoredRun]) -> dict[tuple[str, str, str], str]:
    """Return a name for each group and arm: its variant's, with what differs in definitions where two read alike."""
    groups_last = sorted(stored, key=lambda run: (run.is_group, -run.started_ms))
    last = {_group_of(run): run for run in groups_last}
    params = {_group_of(run): run.params for run in groups_last if run.params}
    named = [Named((run.group_label,), params.get(at, {}), at) for at, run in last.items()]
    return {at: last[at].group_label + suffix for at, suffix in zip(last, suffixes(named), strict=True)}


def _parameters_first(name: str) -> tuple[bool, str]:
    return "/" in name, name


def _value(text: str) -> Any:
    """Return a parameter as a number or truth value where it is one."""
    try:
        found = parse_json(text)
    except ValueError:
        return text
    return found if isinstance(found, int | float | bool) else text


def over_seeds(frame: pd.DataFrame, *metrics: str, interval: Over = "both", store: StoreName = None) -> pd.DataFrame:
    """Return mean and standard deviation over seeds and the 95% interval of the mean, a row a group and metric.

    Only finished runs count, and of several runs of one key the newest. Groups are identified by their keys: runs of
    one variant that differ by `--set`, or whose definition has changed since, are never pooled. Runs that repeat one
    training, as in the control arm of a study, are equal by construction and count once.

    Args:
        frame: Rows of the frame that `runs` returns.
        *metrics: Columns of that frame, such as `test/overthinking/any_later`.
        interval: What the interval holds for: new `seeds` (Student's t, n - 1 degrees of freedom), new test `samples`,
            or `both`. The latter two are read from stored predictions of test samples, for metrics that are means over
            samples; a metric or group for which that cannot be done has an interval over seeds.
        store: Where those predictions are; by default the store that the frame was read from.

    Returns:
        A frame with the columns `group`, `definition`, `variant`, `changes`, `arm`, `sweep`, `dataset`, `network`,
        `regime`, `labels`, `kernels`, `group_key`, `same_kernels` (whether all runs were computed by one instruction
        set of these kernels), `metric`, `n`, `mean`, `std` (n - 1 in the denominator), `low`, `high` (ends of the
        interval of the mean, cut to the metric's range), `interval` (what that holds for), `same_data` (whether all
        runs were trained on the same data), `repeats` (runs that repeat one of the n, and do not count) and `fixed`
        (streams of random numbers in which the runs do not differ, so that the interval does not cover others: an arm
        `init` has one split, one order, one augmentation). A single run has no `std`, no `fixed`, and no interval but
        one over samples.

    Raises:
        KeyError: A metric is no column of the frame.
        ValueError: The frame is none that `runs` returns, or `interval` has another value.

    Example:
        >>> import overthink
        >>> table = overthink.over_seeds(overthink.runs(definitions="small"), "test/overthinking/any_later")
        >>> for row in table.itertuples():
        ...     print(f"{row.group}: n = {row.n}, {row.mean:.3f} [{row.low:.2f}, {row.high:.2f}] over {row.interval}")
        small: long: n = 2, 0.213 [0.12, 0.30] over both
        small: long [network.growth=4, regime.0.drops=[]]: n = 1, 0.125 [0.02, 0.23] over samples
        small: short: n = 2, 0.200 [0.12, 0.28] over both
        small: short [network.growth=4, regime.0.drops=[]]: n = 1, 0.200 [0.07, 0.33] over samples
    """
    check_one_of("interval", interval, OVERS)
    check_frame(frame, "kind", "outcome", "started", "run_key", "group_key")
    if missing := [metric for metric in metrics if metric not in frame.columns]:
        raise KeyError(f"no run of this frame has the metric {missing[0]!r}")
    finished = frame[(frame["kind"] == tags.KIND_RUN) & (frame["outcome"] == tags.FINISHED)]
    newest = finished.sort_values("started").drop_duplicates(["run_key", "arm", "sweep"], keep="last")
    read = CorrectnessReader(uri_of(store or frame.attrs.get(STORE)))
    rows = []
    for _, runs_of_group in newest.groupby(["group_key", "arm", "sweep"], sort=False):
        group, seeds = _one_a_training(runs_of_group)
        shared = {name: group[name].iloc[-1] for name in GROUP}
        repeated = {"repeats": len(runs_of_group) - len(group), "fixed": " ".join(fixed_streams(seeds))}
        same_data = group.loc[group["data"] != "", "data"].nunique() <= 1
        values = {metric: group[metric].dropna().tolist() for metric in metrics}
        estimates = {metric: metric_estimate(metric, those) for metric, those in values.items() if those}
        if same_data:
            estimates, _ = crossed_estimates(estimates, group["run_id"].tolist(), interval, read)
        sets = group.loc[group["instruction_set"] != "", "instruction_set"]
        same = {"same_data": same_data, "same_kernels": sets.nunique() <= 1}
        for metric, found in estimates.items():
            rows.append({**shared, "metric": metric, **found._asdict(), **same, **repeated})
    columns = [*GROUP, "same_kernels", "metric", *Estimate._fields, "same_data", "repeats", "fixed"]
    return pd.DataFrame(rows, columns=columns).sort_values(["group", "metric"], ignore_index=True)


def check_frame(frame: pd.DataFrame, *columns: str) -> None:
    """Raise ValueError where a frame has not the columns of one that `runs` returns."""
    if missing := [column for column in columns if column not in frame.columns]:
        raise ValueError(f"expected a frame that overthink.runs returns, but this one has no column {missing[0]!r}")


def _one_a_training(group: pd.DataFrame) -> tuple[pd.DataFrame, list[Seeds]]:
    """Return the rows of a group without those that repeat one training, and the seeds of these rows."""
    seeds = [next(iter(seeds_of_labels(label)), None) for label in group["seed"]]
    first: dict[Seeds | str, int] = {}
    for place in sorted(range(len(seeds)), key=lambda place: one.repeat if (one := seeds[place]) else 0):
        one = seeds[place]
        first.setdefault(one.without_repeat if one else group["run_id"].iloc[place], place)
    kept = sorted(first.values())
    return group.iloc[kept], [one for place in kept if (one := seeds[place])]
