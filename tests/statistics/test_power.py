import numpy as np
import pytest
from scipy import stats

from overthink.statistics.paired_tests import paired_t
from overthink.statistics.power import MOST_SEEDS, seeds_needed


def power(effect: float, n: int, comparisons: int) -> float:
    least = stats.t.ppf(1 - 0.025 / comparisons, n - 1)
    return float(stats.nct.sf(least, n - 1, effect * n**0.5))


@pytest.mark.parametrize("effect", [0.2, 0.5, 1.5, -1.5, 6])
@pytest.mark.parametrize("comparisons", [1, 12])
def test_the_fewest_seeds_with_that_power(effect: float, comparisons: int) -> None:
    needed = seeds_needed(2 * effect, 2, comparisons)
    assert power(abs(effect), needed, comparisons) >= 0.8
    assert needed == 2 or power(abs(effect), needed - 1, comparisons) < 0.8


def test_a_known_case() -> None:
    """Half a deviation, one comparison: 34 pairs, as in Cohen's tables."""
    assert seeds_needed(0.5, 1) == 34


def test_so_many_seeds_find_it_in_80_of_100_studies() -> None:
    needed = seeds_needed(1.2, 1, 4)
    values = np.random.default_rng(0).normal(1.2, 1, (2000, needed))
    found = [paired_t(row, 4) for row in values.tolist()]
    assert np.mean([one is not None and one.low > 0 for one in found]) == pytest.approx(power(1.2, needed, 4), abs=0.03)


def test_more_than_anybody_trains() -> None:
    assert seeds_needed(0.001, 1) == seeds_needed(0, 1) == MOST_SEEDS + 1
    with pytest.raises(ValueError, match="above 0, not 0"):
        seeds_needed(1, 0)
