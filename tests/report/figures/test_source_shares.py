import pytest

from overthink.report.figures.source_shares import draw_source_shares, share_series
from overthink.seeds import STREAMS
from overthink.statistics.jackknife import Interval
from overthink.study.sources import Reading, Share, Shares, SourceShares

FIRST = Share(Interval(0.9, 0.8, 1.0), Interval(0.05, 0.0, 0.1))
BOTH = Shares({"init": FIRST, "order": Share(Interval(0.95, None, None), None)}, None, None, Interval(0.9, 0.8, 0.98))
TOTALS = Shares({"init": Share(Interval(0.9, 0.8, 1.1), None), "order": Share(None, None)}, None, None, None)


FOUND = SourceShares(5, 45, STREAMS, Reading(BOTH, TOTALS), Reading(BOTH, BOTH))


def test_the_figure_shows_what_is_determined() -> None:
    names = [(one.name, list(one.shares)) for one in share_series(FOUND)]
    assert names == [
        ("which samples: total", ["init"]),
        ("which samples: first order", ["init", "interaction"]),
        ("how many: total", ["init"]),
    ]
    figure = draw_source_shares(FOUND)
    assert [trace.name for trace in figure.data] == [name for name, _ in names]
    assert figure.data[0].y == pytest.approx((90,))
    assert figure.data[0].error_y.array == pytest.approx((10,))
