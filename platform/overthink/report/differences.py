"""Differences to a baseline, in the cells of a table and in sentences. One rule decides: what the interval excludes."""

from collections.abc import Mapping, Sequence
from math import ceil, log2
from typing import Any

from overthink.comparison.difference import Difference
from overthink.comparison.overthinking import Row
from overthink.report.undetermined import ends
from overthink.statistics.paired_tests import LEVEL
from overthink.statistics.power import MOST_SEEDS

NONE_SHOWN = "no difference shown"
WIDE = 0.1
"""An interval that wide has no tenths of points: four columns of it fit in 80 characters."""
TO_BASELINE = "row minus baseline"
TEST = (
    " [Interval] and p: paired t-test over seeds{corrected}, for new seeds on these test samples. A difference is "
    "higher or lower where the interval excludes 0 (p at most 0.05)."
)
CORRECTED = ", corrected for {count} comparisons (Holm)"
EQUAL = " It is equal within {points} where the interval for all comparisons at once keeps within ±{number}."
SEEDS = " (About n seeds): so many would show a true difference of {size} in 80% of cases, spread as they are here."
SIGN_FLIP = " Sign-flip p: of an exact test that supposes no normal distribution, corrected, too; it does not decide."
TOO_FEW = " A test that supposes no normal distribution (sign-flip) could show a difference from {fewest} seeds on."
DISAGREES = (
    " Where it shows a difference that the interval does not, look at the seeds one by one: one may lie far off."
)


def difference_lines(difference: Difference | None) -> tuple[str, ...]:
    """Return a difference in percentage points: `Δ -3.10`, `[-3.9, -2.3]`, `p 0.012`; only the first without a test."""
    if difference is None:
        return ()
    mean = f"Δ {100 * difference.mean:+.2f}"
    interval = interval_text(difference)
    return (mean, interval, f"p {p_text(difference.p)}") if interval and difference.p is not None else (mean,)


def interval_text(difference: Difference) -> str:
    """Return `[-3.9, -2.3]`, in percentage points, or `[-62, +65]` of ten and more; nothing without an interval."""
    return _ends_text(difference.low, difference.high)


def simultaneous_text(difference: Difference) -> str:
    """Return the same of the interval that holds at once with those of all comparisons."""
    return _ends_text(difference.simultaneous_low, difference.simultaneous_high)


def _ends_text(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    digits = 1 if high - low < WIDE else 0
    return ends(low, high, f"+.{digits}f", span=2)


def p_text(p: float) -> str:
    """Return a p-value with two digits, and with three where two would hide on which side of 0.05 it is.

    >>> p_text(0.0123), p_text(0.0503), p_text(0.00000123), p_text(1.0)
    ('0.012', '0.0503', '<0.0001', '1')
    """
    if p < 0.0001:
        return "<0.0001"
    two = f"{p:.2g}"
    return f"{p:.3g}" if float(two) == LEVEL else two


def verdict(difference: Difference) -> str:
    """Return what the intervals of a difference say, and nothing more."""
    low, high, margin = difference.low, difference.high, difference.margin
    if low is None or high is None:
        return f"no interval, {'the same difference for every seed' if difference.n > 1 else 'one seed'}"
    side = "lower" if high < 0 else "higher" if low > 0 else ""
    if margin is None or not _keeps_within(margin, difference):
        return side or NONE_SHOWN
    equal = f"equal within {points(margin)}"
    return f"{side}, but {equal}" if side else equal


def _keeps_within(margin: float, difference: Difference) -> bool:
    low, high = difference.simultaneous_low, difference.simultaneous_high
    return low is not None and high is not None and -margin <= low and high <= margin


def points(fraction: float) -> str:
    """Return a number of percentage points: `1 point`, `0.5 points`."""
    number = f"{100 * fraction:g}"
    return f"{number} point{'' if number == '1' else 's'}"


def as_record(difference: Difference) -> dict[str, Any]:
    """Return a difference for files: its fields, and the verdict in words."""
    return {**difference._asdict(), "verdict": verdict(difference)}


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
    sentences = (_row_sentence(row, titles) for row in rows if row.differences)
    return " ".join([meaning(differences), *sentences, *left_out])


def meaning(differences: Sequence[Difference], of: str = TO_BASELINE) -> str:
    """Return what the numbers and verdicts of a table's differences mean."""
    said = f"Δ: {of}, in percentage points, seed by seed on the same data."
    tested = [difference for difference in differences if difference.p is not None]
    if not tested:
        return said
    count, margin = tested[0].comparisons, tested[0].margin
    said += TEST.format(corrected=CORRECTED.format(count=count) if count > 1 else "")
    if margin is not None:
        said += EQUAL.format(points=points(margin), number=f"{100 * margin:g}")
    if any(map(_seeds, tested)):
        said += SEEDS.format(size="this size" if margin is None else points(margin))
    said += SIGN_FLIP if any(map(_sign_flip, tested)) else TOO_FEW.format(fewest=ceil(log2(2 * count / LEVEL)))
    if any(one.sign_flip_p <= LEVEL and verdict(one) == NONE_SHOWN for one in tested):
        said += DISAGREES
    return said


def _row_sentence(row: Row, titles: Mapping[str, str]) -> str:
    by_verdict: dict[str, list[str]] = {}
    for metric, title in titles.items():
        if metric in row.differences:
            found = row.differences[metric]
            beside = "; ".join(filter(None, (_seeds(found), _sign_flip(found))))
            name = f"{title.lower()} ({beside})" if beside else title.lower()
            by_verdict.setdefault(verdict(found), []).append(name)
    verdicts = "; ".join(f"{words}: {', '.join(names)}" for words, names in by_verdict.items())
    if all(found.low is None for found in row.differences.values()) and len(by_verdict) == 1:
        verdicts = next(iter(by_verdict))
    alone = f" {unpaired_sentence(row)}" if row.unpaired else ""
    same = f" Seed {', '.join(row.same_runs)} is the same run in both, so no pair." if row.same_runs else ""
    return f"{row.short_name}: {verdicts}.{alone}{same}"


def unpaired_sentence(row: Row) -> str:
    """Return which seeds have no pair, of a row that has some such."""
    return f"Only one of the two has seed {', '.join(row.unpaired)} on the same data."


def _seeds(difference: Difference) -> str:
    """Return how many seeds would show what these do not."""
    if difference.seeds_needed is None or verdict(difference) != NONE_SHOWN:
        return ""
    return seeds_text(difference.seeds_needed)


def seeds_text(needed: int) -> str:
    """Return `about 14 seeds`, from 100 on with two digits, or that more than 1000 are needed."""
    about = needed if needed < 100 else 10 * ceil(needed / 10)
    return f"about {about} seeds" if needed <= MOST_SEEDS else f"more than {MOST_SEEDS} seeds"


def _sign_flip(difference: Difference) -> str:
    """Return the p of the sign-flip test, where there are seeds enough for a small one."""
    if difference.p is None or difference.sign_flip_least_p > LEVEL:
        return ""
    return f"sign-flip p {p_text(difference.sign_flip_p)}"
