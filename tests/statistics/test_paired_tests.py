from itertools import product

import numpy as np
import pytest
from scipy import stats

from overthink.statistics.paired_tests import effect_size, holm, sign_flip_p


def test_sign_flip_by_hand() -> None:
    """Of the eight sums of +-1 +-2 +-4, only 7 and -7 are as far out as 7, and four as 5: 7, 5, -5, -7."""
    assert sign_flip_p([1, 2, 4]) == 2 / 8
    assert sign_flip_p([-1, 2, 4]) == 4 / 8
    assert sign_flip_p([0.3]) == 1
    assert sign_flip_p([0.0, 0.0]) == 1
    with pytest.raises(ValueError, match="at least one"):
        sign_flip_p([])


def test_sign_flip_against_all_signs_and_scipy() -> None:
    for seed in range(5):
        values = np.random.default_rng(seed).normal(0.4, 1, 8)
        sums = [abs(np.dot(signs, values)) for signs in product((1, -1), repeat=8)]
        expected = np.mean([total >= abs(values.sum()) - 1e-9 for total in sums])
        assert sign_flip_p(values.tolist()) == expected
        theirs = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=2**8)
        assert sign_flip_p(values.tolist()) == pytest.approx(theirs.pvalue)


def test_many_pairs_are_sampled_the_same_every_time() -> None:
    values = np.random.default_rng(3).normal(0.5, 1, 20).tolist()
    found = sign_flip_p(values)
    assert found == sign_flip_p(values)
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


def test_holm_by_hand() -> None:
    """Four times the least, three times the next, and never below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_errs_as_rarely_as_it_says() -> None:
    """Of families of ten true nulls, 5% at most have a p of 0.05 or less."""
    random = np.random.default_rng(0)
    wrong = np.mean([min(holm(random.uniform(size=10).tolist())) <= 0.05 for _ in range(4000)])
    assert 0.035 < wrong < 0.062


def test_effect_size() -> None:
    assert effect_size([1.0, 2.0, 3.0]) == pytest.approx(2 * (1 - 3 / 7))
    assert effect_size([1.0]) is None
    assert effect_size([0.1, 0.1]) is None
    assert (
        effect_size([0.515 - 0.505, 0.61 - 0.6, 0.12 - 0.11, 0.35 - 0.34]) is None
    )  # one point each, but for rounding
