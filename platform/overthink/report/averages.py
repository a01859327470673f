"""What the numbers of a table are averages of: in its cells, and in the sentences of its caption."""

from collections.abc import Mapping, Sequence

from overthink.comparison.overthinking import Row
from overthink.report.intervals import intervals_meaning, mark, marks_sentence
from overthink.report.undetermined import ends
from overthink.sentences import listed, number_of
from overthink.statistics.estimate import Estimate

OVER_SEEDS = "mean ± standard deviation over seeds"
OVER_GROUPS = (
    "Rows of several groups, which differ in more than seeds: mean over groups of their means over seeds, and the "
    "lowest to the highest of these; n: groups, and runs of each."
)
FIXED = {
    "split": "one split",
    "init": "one set of first weights",
    "order": "one order",
    "augment": "one augmentation",
    "main": "one main network",
}
"""What runs of different seeds share -> in words."""
WIDEST = 10
"""Characters of a cell of numbers, which is never broken over two lines."""


def groups_of(row: Row) -> tuple[Row, ...]:
    """Return the rows of a row's groups: itself where it is of one."""
    return row.groups or (row,)


def mean_of(row: Row, metric: str) -> float | None:
    """Return a row's mean over seeds, or over groups of their means over seeds."""
    found = row.over_groups.get(metric) if row.groups else row.estimates.get(metric)
    return None if found is None else found.mean


def number_lines(row: Row, metric: str) -> tuple[str, ...]:
    """Return a row's number in percent: `63.1 ± 0.8` and `[62.0, 64.2]`; of several groups `63.1`, `60.2 to 66.0`."""
    found = row.over_groups.get(metric)
    if found is None:
        estimate = row.estimates.get(metric)
        if estimate is None:
            return estimate_lines(None)
        return *estimate_lines(estimate, mark(row, estimate)), *fewer_lines(row, estimate)
    several = sum(n > 0 for n in found.n) > 1
    between = (f"{100 * found.lowest:.1f} to {100 * found.highest:.1f}",) if several else ()
    return (f"{100 * found.mean:.2f}", *between)


def fewer_lines(row: Row, estimate: Estimate) -> tuple[str, ...]:
    """Return `n = 2`, where not all of a row's runs have the metric."""
    return () if estimate.n == len(row.finished) else (f"n = {estimate.n}",)


def estimate_lines(estimate: Estimate | None, sign: str = "") -> tuple[str, ...]:
    """Return an estimate of a fraction in percent: `63.1 ± 0.8` and `[62.0, 64.2]`; `-` where there is none.

    `sign` marks the interval.
    """
    if estimate is None:
        return ("-",)
    mean = f"{100 * estimate.mean:.2f}" + ("" if estimate.std is None else f" ± {100 * estimate.std:.2f}")
    if estimate.low is None or estimate.high is None:
        return (mean,)
    return mean, f"{ends(estimate.low, estimate.high)}{sign}"


def count_lines(row: Row) -> tuple[str, ...]:
    """Return how many runs are behind the numbers: `2`, `2 of 3` that were asked for, or `2 groups`, `2 + 3 runs`."""
    if not row.groups:
        n = len(row.finished)
        return (str(n) if n == row.asked else f"{n} of {row.asked}",)
    counts = [len(one.finished) for one in row.groups]
    each = f"{' + '.join(map(str, counts))} runs"
    if len(each) > WIDEST:
        low, high = min(counts), max(counts)
        each = f"{low}-{high} runs" if low < high else f"{number_of(low, 'run')} each"
    return f"{len(counts)} groups", each


def repeats_line(row: Row) -> tuple[str, ...]:
    """Return that a row is one training that was repeated: `6 equal runs`."""
    if not row.repeats or row.groups:
        return ()
    count = len(row.finished) + len(row.repeats)
    return (f"{count} runs differ: see below" if row.repeats_differ else f"{count} equal runs",)


def unit(samples: str, rows: Sequence[Row]) -> str:
    """Return the first sentence of a caption: what the numbers are, and what they are averages of."""
    of_one = [len(row.finished) < 2 for row in rows if not row.groups]
    if rows and not of_one:
        return f"Percent of {samples}."
    averaged = OVER_SEEDS
    if of_one and all(of_one):
        averaged = "one run a row" if len(of_one) == len(rows) else "in a row of one group, that of one run"
    has_interval = any(found.interval for row in rows for found in row.estimates.values())
    return f"Percent of {samples}; {averaged}{f', {intervals_meaning(rows)}' if has_interval else ''}."


def averages(rows: Sequence[Row]) -> str:
    """Return the sentences on rows of several groups, on sweeps, on repeats, and on what intervals cover and do not."""
    groups = [one for row in rows for one in groups_of(row)]
    nested = OVER_GROUPS if any(row.groups for row in rows) else ""
    fixed = held_fixed_sentence({row.group: row.fixed for row in rows})
    repeats = repeats_sentence({one.group: len(one.finished) + len(one.repeats) for one in groups if one.repeats})
    folded = best_trials_sentence(groups), primary_arms_sentence(groups)
    said = (marks_sentence(rows), nested, *folded, repeats, _differing_repeats(groups), fixed)
    return " ".join(filter(None, said))


def seed_line(row: Row) -> tuple[str, ...]:
    """Return the seeds of a row that is one run alone: the name of its group does not say which run it is."""
    return (f"seed {row.alone}",) if row.alone and row.finished else ()


def best_line(row: Row) -> tuple[str, ...]:
    """Return what a row stands for: `best of 12 trials`, `on the Pareto front of 12 trials`, `1 of 8 arms`."""
    if row.of_arms:
        return (f"1 of {number_of(row.of_arms, 'arm')}",)
    if not row.best_of:
        return ()
    how = "on the Pareto front" if len(row.best_by) > 1 else "best"
    return (f"{how} of {number_of(row.best_of, 'trial')}",)


def best_trials_sentence(groups: Sequence[Row]) -> str:
    """Return which sweeps are shown by their best trials alone, and by which objectives these are the best."""
    by = {row.definition or row.group: " and ".join(row.best_by) for row in groups if row.best_of}
    named = "; ".join(f"{name} by {objectives}" for name, objectives in by.items())
    return f"Of each sweep, only the best on validation data is shown ({named}); --all shows each trial." if by else ""


def primary_arms_sentence(groups: Sequence[Row]) -> str:
    """Return which studies are shown by the arm in which most sources of randomness vary."""
    names = dict.fromkeys(row.definition or row.group for row in groups if row.of_arms)
    arm = "only the arm that its own numbers are over is shown"
    return f"Of each study, {arm} ({', '.join(names)}); --all shows each arm." if names else ""


def repeats_sentence(counts: Mapping[str, int]) -> str:
    """Return which rows, by name, are of runs that are equal by construction, and of how many."""
    counted = ", ".join(f"{name} ({count} runs)" for name, count in counts.items())
    return f"Runs that repeat one training are equal by construction and count once: {counted}." if counts else ""


def _differing_repeats(groups: Sequence[Row]) -> str:
    names = [one.group for one in groups if one.repeats_differ]
    why = "although their seeds are equal: something else changed the training. The first run is shown."
    return f"DIFFERENT REPEATS in {', '.join(names)}, {why}" if names else ""


def held_fixed_sentence(fixed: Mapping[str, Sequence[str]]) -> str:
    """Return what the intervals of rows, by name, do not cover, since all runs behind them share it."""
    rows: dict[str, list[str]] = {}
    for name, shared in fixed.items():
        if shared:
            rows.setdefault(in_words(shared), []).append(name)
    parts = "; ".join(f"{words} ({', '.join(names)})" for words, names in rows.items())
    return f"Held fixed, so not covered by intervals: {parts}." if parts else ""


def in_words(fixed: Sequence[str]) -> str:
    """Return what runs share in words: `one split, one order and one augmentation`."""
    return listed([FIXED[one] for one in fixed])
