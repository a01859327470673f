"""Differences to a baseline, in the cells of a table and in sentences."""

from collections.abc import Mapping, Sequence
from math import ceil, log2

from overthink.comparison.overthinking import Difference, Row

LEVEL = 0.05
MEANING = (
    "Δ: difference to the baseline on the same data, in percentage points, paired by seed, [95% interval of the mean]; "
    "p: exact sign-flip test, corrected for the table's {count} comparisons (Holm){few}. "
    "Probably: the interval excludes 0, but p is above 0.05."
)
FEWEST = 6
"""Fewer seeds have no p: its least value, 2 / 2^n, is above the level even for one comparison."""


def difference_lines(difference: Difference | None) -> tuple[str, ...]:
    """Return a difference in percentage points: `Δ -3.10`, `[-3.9, -2.3]` and, from six seeds, `p 0.06`."""
    if difference is None:
        return ()
    if difference.low is None or difference.high is None:
        return (f"Δ {100 * difference.mean:+.2f}",)
    interval = f"[{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
    p = (f"p {difference.p_holm:.2g}",) if difference.n >= FEWEST else ()
    return f"Δ {100 * difference.mean:+.2f}", interval, *p


def differences_sentence(rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    """Return the meaning of a table's differences, a verdict for each row, and the rows that are not compared."""
    reasons = {
        "the baseline has not run on the same data": [row.group for row in rows if row.has_no_baseline],
        "their labels differ (another label rule or another main network)": [
            row.group for row in rows if row.has_other_labels
        ],
        "they are of several groups, whose runs are no pairs": [row.group for row in rows if row.has_several_groups],
        "their runs with the baseline's seeds are the baseline's own": [
            row.group for row in rows if row.same_runs and not row.differences
        ],
    }
    left_out = [f"Not compared, because {why}: {', '.join(names)}." for why, names in reasons.items() if names]
    differences = [difference for row in rows for difference in row.differences.values()]
    if not differences:
        return " ".join(left_out)
    meaning = MEANING.format(count=len(differences), few=_too_few([difference.n for difference in differences]))
    return " ".join([meaning, *(_row_sentence(row, titles) for row in rows if row.differences), *left_out])


def _too_few(seeds: Sequence[int]) -> str:
    """Return how many seeds p needs, where no comparison has as many, and below how many it is left out.

    Holm multiplies the least p, which is never below 2 / 2^n, by the number of comparisons.
    """
    needed = ceil(log2(2 * len(seeds) / LEVEL))
    unreachable = f"; it cannot reach {LEVEL} with fewer than {needed} seeds" if max(seeds) < needed else ""
    return f"{unreachable}; not shown for fewer than {FEWEST} seeds" if min(seeds) < FEWEST else unreachable


def _row_sentence(row: Row, titles: Mapping[str, str]) -> str:
    by_verdict: dict[str, list[str]] = {}
    for metric, title in titles.items():
        if metric in row.differences:
            by_verdict.setdefault(verdict(row.differences[metric]), []).append(title.lower())
    verdicts = "; ".join(f"{', '.join(names)} {words}" for words, names in by_verdict.items())
    alone = f" Only one of the two has seed {', '.join(row.unpaired)}." if row.unpaired else ""
    same = f" Seed {', '.join(row.same_runs)} is the same run in both, so no pair." if row.same_runs else ""
    return f"{row.short_name}: {verdicts}.{alone}{same}"


def verdict(difference: Difference) -> str:
    """Return a verdict on a difference, no stronger than its interval and its corrected p."""
    side = "lower" if difference.mean < 0 else "higher"
    if difference.p_holm <= LEVEL:
        return f"{side} (p <= {LEVEL})"
    if difference.low is None or difference.high is None:
        return "unknown, from one seed"
    if difference.low > 0 or difference.high < 0:
        return f"probably {side}"
    return "no difference shown"
