"""A table of differences to a baseline with all that is known of each: a row a group and metric; one seed has none."""

from collections.abc import Mapping, Sequence

from overthink.comparison.difference import Difference
from overthink.comparison.overthinking import Row
from overthink.report.differences import interval_text, p_text, seeds_text, simultaneous_text, verdict
from overthink.report.grids import Grid
from overthink.report.undetermined import explained

TITLES = (
    "Group",
    "Compared",
    "Verdict",
    "n",
    "Δ",
    "Interval",
    "All at once",
    "p",
    "Sign-flip p",
    "g",
    "P(higher)",
    "Seeds for 80%",
)
CAPTION = (
    "Row minus baseline, in percentage points; Δ, interval, p, verdict as among the groups. All at once: intervals "
    "that hold for all comparisons together in 95% of cases (Bonferroni). Sign-flip p: of the exact test, and the "
    "least p that so many seeds can give. g: Hedges's g, the mean over the deviation of differences, corrected for "
    "few seeds; two have no correction. P(higher): chance that the row is above the baseline for one seed, ties half "
    "(the probability of improvement where higher is better), with an exact interval, corrected for all comparisons. "
    "Seeds for 80%: to show a true difference {size} in 80% of cases, spread as they are here."
)


def differences_grid(rows: Sequence[Row], titles: Mapping[str, str]) -> Grid | None:
    """Return the table, or None where no row has two seeds to compare; `titles` are those of the metrics."""
    found = [
        (row.group, title, row.differences[metric])
        for row in rows
        for metric, title in titles.items()
        if metric in row.differences and row.differences[metric].n > 1
    ]
    if not found:
        return None
    size = "as large as Δ" if found[0][2].margin is None else "as large as the margin"
    cells = [(group, title, *_cells(one)) for group, title, one in found]
    return explained(Grid(TITLES, cells, CAPTION.format(size=size), 3))


def _cells(found: Difference) -> tuple[str, ...]:
    ends = f"{100 * found.share_higher_low:.0f} to {100 * found.share_higher_high:.0f}"
    return (
        verdict(found),
        str(found.n),
        f"{100 * found.mean:+.2f}",
        interval_text(found) or "-",
        simultaneous_text(found) or "-",
        "-" if found.p is None else p_text(found.p),
        f"{p_text(found.sign_flip_p)}\nleast {p_text(found.sign_flip_least_p)}",
        "-" if found.effect is None else f"{found.effect:+.2f}",
        f"{100 * found.share_higher:.0f}%\n{ends}",
        "-" if found.seeds_needed is None else seeds_text(found.seeds_needed),
    )
