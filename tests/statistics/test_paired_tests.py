from itertools import product

import numpy as np
import pytest
from scipy import stats

from overthink.statistics.paired_tests import (
    effect_size,
    equivalence_p,
    holm,
    least_sign_flip_p,
    paired_t,
    share_above,
    sign_flip_p,
)


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


def test_the_least_p_of_a_sign_flip_test() -> None:
    assert [least_sign_flip_p(n) for n in (1, 3, 8)] == [1, 0.25, 2 / 2**8]
    assert sign_flip_p([1.0] * 8) == least_sign_flip_p(8)
    assert sign_flip_p([1.0] * 40) == least_sign_flip_p(40)


def test_t_by_hand_and_against_scipy() -> None:
    """Of 1, 2, 3: mean 2, deviation 1, t = 2 sqrt(3) with 2 degrees of freedom."""
    found = paired_t([1.0, 2.0, 3.0])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-6)
    values = np.random.default_rng(1).normal(0.4, 1, 7).tolist()
    theirs, found = stats.ttest_1samp(values, 0), paired_t(values, 4)
    assert found is not None
    assert found.p == pytest.approx(4 * theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(1 - 0.05 / 4)))


def test_an_interval_excludes_zero_where_p_says_so() -> None:
    random = np.random.default_rng(2)
    sides = set()
    for effect in np.linspace(-2, 2, 200):
        found = paired_t(random.normal(effect, 1, 5).tolist(), 8)
        assert found is not None
        assert (found.p <= 0.05) == (found.low > 0 or found.high < 0)
        sides.add(found.p <= 0.05)
    assert sides == {True, False}


def test_no_test_without_spread() -> None:
    """Two seeds with the same difference do not show that all seeds have it; nor do differences equal but for bits."""
    same = [0.515 - 0.505, 0.61 - 0.6, 0.12 - 0.11, 0.35 - 0.34]
    for values in ([0.5], [0.1, 0.1], [0.0, 0.0, 0.0], same):
        assert paired_t(values) is None
        assert equivalence_p(values, 0.2) is None
        assert effect_size(values) is None


def test_equivalence_is_two_one_sided_tests() -> None:
    values = np.random.default_rng(3).normal(0.1, 1, 12).tolist()
    lower = stats.ttest_1samp(values, -1.5, alternative="greater").pvalue
    upper = stats.ttest_1samp(values, 1.5, alternative="less").pvalue
    assert equivalence_p(values, 1.5, 3) == pytest.approx(6 * max(lower, upper))
    for margin in np.linspace(0.1, 2, 40):
        p, interval = equivalence_p(values, margin, 3), paired_t(values, 3)
        assert p is not None
        assert interval is not None
        assert (p <= 0.05) == (interval.low >= -margin and interval.high <= margin)


def test_effect_size_by_hand() -> None:
    """J(2) = Gamma(1) / Gamma(1/2) = 1 / sqrt(pi): exact, where the usual approximation gives 4 / 7."""
    assert effect_size([1.0, 2.0, 3.0]) == pytest.approx(2 / np.pi**0.5)


def test_two_seeds_have_no_effect_size() -> None:
    """The approximation 1 - 3 / (4 (n - 1) - 1) is 0 there: every effect was 0.0."""
    assert effect_size([1.0, 2.0]) is None


@pytest.mark.parametrize("n", [4, 8])
def test_effect_sizes_are_right_on_average(n: int) -> None:
    values = np.random.default_rng(n).normal(0.8, 1, (20_000, n))
    assert np.mean([effect_size(row) for row in values.tolist()]) == pytest.approx(0.8, abs=0.02)


def test_share_above_by_hand() -> None:
    """All of five above: the lower end p has p^5 = 0.025. Of five, a tie is half, and counts against both ends."""
    assert share_above([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx((1, 0.025**0.2, 1))
    found = share_above([1.0, 1.0, 1.0, -1.0, 0.0])
    assert found.value == 0.7
    assert found.low == pytest.approx(stats.binomtest(3, 5).proportion_ci().low)
    assert found.high == pytest.approx(stats.binomtest(4, 5).proportion_ci().high)
    assert share_above([-1.0], 4) == pytest.approx((0, 0, 1 - 0.05 / 8))


def test_the_interval_of_a_share_holds() -> None:
    """P(difference > 0) + half of P(tie) of whole numbers, at least as often as promised."""
    values = np.random.default_rng(4).binomial(2, 0.6, (3000, 6)) - 1.0
    truth = 0.6**2 + 0.6 * 0.4
    assert np.mean([found.low <= truth <= found.high for found in map(share_above, values.tolist())]) >= 0.95


def test_holm_by_hand() -> None:
    """Four comparisons: 0.01 of 4 and 0.015 of 3 are found, 0.03 of 2 is not, and 0.04 not either."""
    steps = holm([0.03, 0.01, 0.04, 0.015], comparisons=4)
    assert [step.among for step in steps] == [2, 4, 2, 3]
    assert [step.p for step in steps] == pytest.approx([0.06, 0.04, 0.06, 0.045])
    (alone,) = holm([0.03], comparisons=4)
    assert (alone.among, alone.p) == (4, 0.12)
    assert holm([], comparisons=1) == []


def test_a_step_decides_as_its_adjusted_p() -> None:
    """An own p times `among` is at most 0.05 just where the adjusted p is: interval and p never disagree."""
    random = np.random.default_rng(0)
    for _ in range(300):
        p_values = (random.random(6) ** 4).tolist()
        for p, step in zip(p_values, holm(p_values, comparisons=7), strict=True):
            assert (p * step.among <= 0.05) == (step.p <= 0.05)
