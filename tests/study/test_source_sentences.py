"""What shares are said to mean."""

import pytest

from overthink.seeds import STREAMS
from overthink.statistics.jackknife import Interval
from overthink.study.source_sentences import conclusion, is_determined, share_text, source_sentences
from overthink.study.sources import Reading, Share, Shares, SourceShares

NOTHING = Shares({"init": Share(None, None)}, None, None, None)
TOTALS = Shares({"init": Share(Interval(0.9, 0.8, 1.0), None)}, None, None, None)
WHOLE = Shares(
    {
        "init": Share(Interval(0.9, 0.8, 1.0), Interval(0.05, 0.0, 0.1)),
        "order": Share(Interval(0.95, None, None), None),
    },
    Interval(3.5, 3.2, 3.8),
    Interval(0.1, 0.02, 0.2),
    Interval(0.9, 0.8, 0.98),
)


def of(per_sample: Shares, rate: Shares = NOTHING, base_points: int = 5) -> SourceShares:
    reading = Reading(per_sample, rate)
    return SourceShares(base_points, 45, STREAMS, reading, reading)


def test_both_readings_have_a_paragraph() -> None:
    which, how_many = source_sentences(of(WHOLE))
    assert which.startswith("Which samples are overthought (any later; 45 networks, 5 base points)")
    assert "(total share) is init 90.0% [80.0, 100.0]; what one changes" in which  # that of order has no interval
    assert "(first-order share) is init 5.0% [0.0, 10.0]. Sources do not add up" in which
    assert how_many.endswith("so few base points or repeats do not determine what any source contributes.")


def test_a_single_base_point_is_named() -> None:
    *_, last = source_sentences(of(TOTALS, base_points=1))
    assert last.startswith("All this is around a single base point")
    assert "first-order" not in " ".join(source_sentences(of(TOTALS, base_points=1)))
    assert "1 base point)" in source_sentences(of(TOTALS, base_points=1))[0]


def test_nothing_is_said_without_shares() -> None:
    assert source_sentences(None) == source_sentences(of(NOTHING)) == []


@pytest.mark.parametrize(
    "shares, words",
    [
        (WHOLE, "Sources do not add up: 90.0% [80.0, 98.0] of the variance belongs to combinations"),
        (
            WHOLE._replace(interaction=Interval(0.2, 0.0, 0.5)),
            "Whether sources add up is not determined: 20.0% [0.0, 50.0]",
        ),
        (
            WHOLE._replace(interaction=None),
            "Sources do not add up: total shares sum to 350.0% [320.0, 380.0], where",
        ),
        (
            WHOLE._replace(interaction=None, total_sum=Interval(1.3, 0.9, 1.7)),
            "Whether sources add up is not determined",
        ),
        (TOTALS, ""),
    ],
)
def test_conclusions_are_what_their_intervals_show(shares: Shares, words: str) -> None:
    assert conclusion(shares).startswith(words)
    assert bool(conclusion(shares)) == bool(words)


def test_shares_as_text() -> None:
    assert share_text(Interval(0.5, None, None)) == "50.0%"
    assert share_text(Interval(0.5, 0.25, 1)) == "50.0% [25.0, 100.0]"


def test_an_interval_as_wide_as_the_range_says_nothing() -> None:
    """Eight repeats of one base point gave the rate's share of `order` as 523% [75, 3645]."""
    assert not is_determined(Interval(5.234, 0.752, 36.445))
    assert not is_determined(Interval(0.5, 0.0, 1.0))
    assert not is_determined(Interval(0.5, None, None))
    assert is_determined(Interval(0.9, 0.5, 1.3))
    assert is_determined(Interval(3.3, 2.2, 4.0), widest=4)
    wide, unknown = (WHOLE._replace(interaction=one) for one in (Interval(0.5, 0, 1), Interval(0.5, None, None)))
    assert conclusion(wide) == conclusion(unknown) == "Whether sources add up is not determined."
