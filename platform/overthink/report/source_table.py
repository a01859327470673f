"""The tables of a study's sources of randomness: a row for each source, a table for each definition of overthinking."""

from collections.abc import Sequence

from overthink.report.grids import Grid
from overthink.report.undetermined import ND, meanings_of
from overthink.statistics.jackknife import Interval
from overthink.study.source_sentences import is_determined
from overthink.study.sources import Reading, Shares, SourceShares

CAPTION = (
    "Percent of the variance from training to training, of all sources together. Samples: which ones are overthought; "
    "rate: how many. Total: what a source changes alone and with others; first order: what it changes whatever the "
    "others are. First orders and the interaction sum to 100; totals to more, unless sources add up. "
)
AROUND_SEVERAL = (
    "Estimates beyond 0 or 100 are shown as that, so a column need not add up to its sum. [95% intervals over base "
    "points, for samples also over test samples]."
)
AROUND_ONE = (
    "Around a single base point a share may lie beyond 0 or 100. [95% intervals over repeats, for samples also over "
    "test samples, hold for this base point alone]."
)
SIGNS = {ND: f"{ND}: not determined, without an interval or with one as wide as the range."}
TITLES = ("Samples, total", "Samples, first order", "Rate, total", "Rate, first order")


def source_grids(found: SourceShares | None) -> list[Grid]:
    """Return the tables; none where there are no shares, and no column of which nothing is known."""
    if found is None:
        return []
    caption = CAPTION + (AROUND_ONE if found.base_points == 1 else AROUND_SEVERAL)
    captions = (f"{found.networks} networks, base points: {found.base_points}.", caption)
    named = (("Any later", found.any_later), ("Final", found.final))
    grids = [_grid(name, reading, words) for (name, reading), words in zip(named, captions, strict=True)]
    said = meanings_of([row for grid in grids for row in grid.rows], SIGNS)
    grids[-1] = grids[-1]._replace(caption=" ".join((grids[-1].caption, *said)))
    return [grid for grid in grids if len(grid.titles) > 1]


def _grid(name: str, reading: Reading, caption: str) -> Grid:
    columns = [column for shares in reading for column in _columns(shares)]
    known = [(title, cells) for title, cells in zip(TITLES, columns, strict=True) if {*cells} != {"-"}]
    names = (*reading.per_sample.of, "sum", "interaction")
    rows = [row for row in zip(names, *(cells for _, cells in known), strict=True) if {*row[1:]} != {"-"}]
    return Grid((name, *(title for title, _ in known)), rows, caption)


def _columns(shares: Shares) -> tuple[Sequence[str], Sequence[str]]:
    total = [_cell(share.total) for share in shares.of.values()]
    first = [_cell(share.first_order) for share in shares.of.values()]
    return (
        [*total, _cell(shares.total_sum, len(shares.of)), "-"],
        [*first, _cell(shares.first_order_sum), _cell(shares.interaction)],
    )


def _cell(found: Interval | None, widest: float = 1) -> str:
    if found is None:
        return "-"
    if found.low is None or found.high is None or not is_determined(found, widest):
        return ND
    return f"{100 * found.value:.1f}\n[{100 * found.low:.0f}, {100 * found.high:.0f}]"
