"""What differences to a baseline come to, in the cells of a table and in words."""

from collections.abc import Mapping, Sequence
from math import ceil, log2

from overthink.comparison.overthinking import Difference, Row

LEVEL = 0.05
MEANING = (
    "Δ: percentage points more than the baseline of the data set, seed by seed, [95% interval of the mean]; "
    "p: exact sign-flip test, corrected for the table's {count} comparisons (Holm){few}. "
    "Probably: the interval leaves 0 out, and p stays above 0.05."
)
FEWEST = 6
"""Seeds below which no p is shown: 2 of 2^n signs are above the level, even of one comparison."""


def difference_lines(difference: Difference | None) -> tuple[str, ...]:
    """Say a difference of fractions in percentage points: `Δ -3.10`, `[-3.9, -2.3]` and, from six seeds, `p 0.06`."""
    if difference is None:
        return ()
    if difference.low is None or difference.high is None:
        return (f"Δ {100 * difference.mean:+.2f}",)
    interval = f"[{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
    p = (f"p {difference.p_holm:.2g}",) if difference.n >= FEWEST else ()
    return f"Δ {100 * difference.mean:+.2f}", interval, *p


def differences_said(rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    """Say what the differences of a table are, what each row's come to, and which rows are left out of them."""
    reasons = {
        "the baseline has not run on the same data": [row.group for row in rows if row.has_no_baseline],
        "other exits are right there (another rule of labels, or another main network)": [
            row.group for row in rows if row.has_other_labels
        ],
    }
    left_out = [f"Not compared, since {why}: {', '.join(names)}." for why, names in reasons.items() if names]
    differences = [difference for row in rows for difference in row.differences.values()]
    if not differences:
        return " ".join(left_out)
    meaning = MEANING.format(count=len(differences), few=_few([difference.n for difference in differences]))
    return " ".join([meaning, *(_of_row(row, titles) for row in rows if row.differences), *left_out])


def _few(seeds: Sequence[int]) -> str:
    """Say how many seeds p needs, where no comparison has as many, and below how many it is left out.

    All of so many comparisons multiply the least of them, and that is never below 2 / 2^n.
    """
    needed = ceil(log2(2 * len(seeds) / LEVEL))
    said = f"; fewer than {needed} seeds cannot bring it to {LEVEL}" if max(seeds) < needed else ""
    return f"{said}; below {FEWEST} seeds it is left out" if min(seeds) < FEWEST else said


def _of_row(row: Row, titles: Mapping[str, str]) -> str:
    by_verdict: dict[str, list[str]] = {}
    for metric, title in titles.items():
        if metric in row.differences:
            by_verdict.setdefault(verdict(row.differences[metric]), []).append(title.lower())
    said = "; ".join(f"{', '.join(names)} {words}" for words, names in by_verdict.items())
    alone = f" Only one of the two has seed {', '.join(row.unpaired)}." if row.unpaired else ""
    return f"{row.short_name}: {said}.{alone}"


def verdict(difference: Difference) -> str:
    """Say what a difference carries: nothing that its interval and its corrected p do not."""
    side = "lower" if difference.mean < 0 else "higher"
    if difference.p_holm <= LEVEL:
        return f"{side} (p <= {LEVEL})"
    if difference.low is None or difference.high is None:
        return "unknown, from one seed"
    if difference.low > 0 or difference.high < 0:
        return f"probably {side}"
    return "cannot be told apart"
