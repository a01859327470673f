"""What is said of differences, in simulated tables whose truth is known; `benchmarks/comparisons.py` makes more."""

from typing import NamedTuple

import numpy as np
import pytest

from overthink.comparison.difference import Difference, difference_of, differences_of
from overthink.report.differences import NONE_SHOWN, verdict

METRIC, SPREAD, METRICS = "test/accuracy/last", 0.02, 4


class Tables(NamedTuple):
    """Simulated tables of one design: the comparisons of each."""

    tables: list[list[Difference]]
    truth: float

    def share_with_any(self, *starts: str) -> float:
        """Return in how many tables some verdict starts so."""
        return float(np.mean([any(verdict(one).startswith(starts) for one in table) for table in self.tables]))

    def share(self, start: str) -> float:
        """Return how many verdicts start so."""
        return float(np.mean([verdict(one).startswith(start) for table in self.tables for one in table]))

    def all_cover(self) -> float:
        """Return in how many tables every simultaneous interval holds the truth."""
        return float(np.mean([all(self.covers(one) for one in table) for table in self.tables]))

    def covers(self, one: Difference) -> bool:
        low, high = one.simultaneous_low, one.simultaneous_high
        return low is not None and high is not None and low <= self.truth <= high


def simulated(n: int, rows: int, deviations: float, margin: float | None = None, count: int = 400) -> Tables:
    """Tables of some rows and four metrics, correlated 0.6 within a run; rows share their baseline."""
    random = np.random.default_rng(n + rows)
    factor = np.linalg.cholesky(0.4 * np.eye(METRICS) + 0.6)
    values = random.normal(size=(count, rows + 1, n, METRICS)) @ factor.T
    differences = SPREAD * ((values[:, 1:] - values[:, :1]) / 2**0.5 + deviations)
    shape = (count, rows * METRICS, n)
    per_comparison = differences.transpose(0, 1, 3, 2).reshape(shape).tolist()
    tables = [differences_of([METRIC] * len(table), table, margin) for table in per_comparison]
    return Tables(tables, SPREAD * deviations)


@pytest.mark.parametrize("n, rows", [(3, 3), (5, 1), (8, 3)])
def test_a_table_without_differences_rarely_shows_one(n: int, rows: int) -> None:
    """5% at most, as promised, where "probably" stood in a third of tables; and not much less, which would be waste."""
    found = simulated(n, rows, 0)
    wrong = found.share_with_any("higher", "lower")
    assert 0.015 <= wrong <= 0.08
    assert found.all_cover() == pytest.approx(1 - wrong)


def test_differences_are_found() -> None:
    """1.5 deviations with 8 seeds: three quarters of them; and simultaneous intervals hold all at once there, too."""
    found = simulated(8, 3, 1.5)
    assert 0.7 < found.share("higher") < 0.86
    assert found.share_with_any("lower") == 0
    assert found.all_cover() > 0.925


def test_equal_is_said_where_it_is_true() -> None:
    """Twelve seeds and a margin of two deviations; at the margin itself it is wrong, in 5% of tables at most."""
    margin = 2 * SPREAD
    assert simulated(12, 1, 0, margin).share("equal within 4 points") > 0.8
    at_the_edge = simulated(12, 1, 2, margin).share_with_any("equal", "higher, but equal", "lower, but equal")
    assert at_the_edge <= 0.05


def test_seeds_needed_find_what_was_seen() -> None:
    """With as many seeds as 1.2 deviations need, about 80% of such differences are found."""
    one = difference_of(METRIC, [1.2 * SPREAD + SPREAD * end for end in (-1, 0, 1)], METRICS)
    assert verdict(one) == NONE_SHOWN
    assert one.seeds_needed == 11
    assert 0.75 < simulated(11, 1, 1.2).share("higher") < 0.95  # Holm's later steps find more than the first


def test_what_two_seeds_cannot_know_is_null() -> None:
    found = difference_of(METRIC, [0.01, 0.02])
    assert (found.effect, found.seeds_needed) == (None, None)
    assert found.p == pytest.approx(0.2048, abs=1e-4)


def test_a_margin_is_recorded_and_sought() -> None:
    values = [-0.01, 0.02, 0.03, -0.02]
    found, with_margin = difference_of(METRIC, values), difference_of(METRIC, values, margin=0.01)
    assert (found.margin, found.equal_p) == (None, None)
    assert with_margin.margin == 0.01
    assert with_margin.equal_p is not None
    assert found.seeds_needed is not None
    assert with_margin.seeds_needed is not None
    assert with_margin.seeds_needed < found.seeds_needed
