"""The tables and the section of sources of randomness."""

from overthink.report.grids import as_html
from overthink.report.source_page import source_sections
from overthink.report.source_table import source_grids
from overthink.seeds import STREAMS
from overthink.statistics.jackknife import Interval
from overthink.study.sources import Reading, Share, Shares, SourceShares

BOTH = Shares(
    {
        "init": Share(Interval(0.9, 0.8, 1.0), Interval(0.05, 0.0, 0.1)),
        "order": Share(Interval(0.95, None, None), None),
    },
    Interval(1.85, 1.6, 2.0),
    Interval(0.1, 0.02, 0.2),
    Interval(0.9, 0.8, 0.98),
)
TOTALS = Shares({"init": Share(Interval(0.9, 0.8, 1.1), None), "order": Share(None, None)}, None, None, None)
NOTHING = Shares({}, None, None, None)


def of(per_sample: Shares, rate: Shares, base_points: int = 5) -> SourceShares:
    reading = Reading(per_sample, rate)
    return SourceShares(base_points, 45, STREAMS, reading, reading)


def test_a_row_for_each_source_their_sum_and_their_interaction() -> None:
    any_later, final = source_grids(of(BOTH, BOTH))
    assert any_later.titles == (
        "Any later",
        "Samples, total",
        "Samples, first order",
        "Rate, total",
        "Rate, first order",
    )
    assert [row[:3] for row in any_later.rows] == [
        ("init", "90.0\n[80, 100]", "5.0\n[0, 10]"),
        ("order", "n.d.", "-"),
        ("sum", "185.0\n[160, 200]", "10.0\n[2, 20]"),
        ("interaction", "-", "90.0\n[80, 98]"),
    ]
    assert (final.titles[0], final.rows) == ("Final", any_later.rows)
    assert "45 networks, base points: 5" in any_later.caption
    assert final.caption.endswith("n.d.: not determined, without an interval or with one as wide as the range.")


def test_what_nothing_is_known_of_has_no_row_and_no_column() -> None:
    grid, last = source_grids(of(TOTALS, NOTHING._replace(of=TOTALS.of), base_points=1))
    assert grid.titles == ("Any later", "Samples, total", "Rate, total")
    assert grid.rows == [("init", "90.0\n[80, 110]", "90.0\n[80, 110]")]
    assert "hold for this base point alone" in last.caption
    assert "a share may lie beyond 0 or 100" in last.caption
    assert "shown as that" not in last.caption
    assert "n.d." not in last.caption
    assert source_grids(None) == source_grids(of(NOTHING, NOTHING)) == []


def test_the_section_has_both_tables_and_a_figure() -> None:
    (section,) = source_sections(of(BOTH, BOTH))
    assert section.tables == [as_html(grid) for grid in source_grids(of(BOTH, BOTH))]
    assert len(section.figures) == 1
    assert source_sections(None) == source_sections(of(NOTHING, NOTHING)) == []


def test_without_any_interval_there_is_no_figure() -> None:
    (section,) = source_sections(
        of(Shares({"init": Share(Interval(0.9, None, None), None)}, None, None, None), NOTHING)
    )
    assert len(section.tables) == 2
    assert list(section.figures) == []
