import numpy as np
import pytest

from overthink.predictions.arrays import FloatArray
from overthink.statistics.crossed import BLOCKS, crossed_jackknife, crossed_mean, crossed_parts, leave_out, mean_squares
from overthink.statistics.estimate import T_975, estimate
from support.coverage import OVER, of_means, of_statistics, populations
from support.truths import rates
from support.worlds import correct

TABLE = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 7.0]])
"""Means of rows 1, 4, of columns 1, 2, 4.5, of all 2.5; sums of squares 13.5 (rows), 13 (columns), 29.5 (total)."""


def table(repeats: int = 4, n: int = 60, seed: int = 0) -> FloatArray:
    random = np.random.default_rng(seed)
    return random.normal(size=(repeats, n)) + random.normal(size=(repeats, 1)) + random.normal(size=n)


def test_mean_squares_by_hand() -> None:
    assert mean_squares(TABLE) == pytest.approx((13.5 / 6, 13 / 2 / 6, 3 / 2 / 6, 2, 3))


def test_mean_squares_against_loops() -> None:
    values_RN = table(3, 7)
    rows, columns, rest = 0.0, 0.0, 0.0
    for r in range(3):
        for k in range(7):
            of_row, of_column = values_RN[r].mean() - values_RN.mean(), values_RN[:, k].mean() - values_RN.mean()
            rows += of_row**2 / 2
            columns += of_column**2 / 6
            rest += (values_RN[r, k] - values_RN.mean() - of_row - of_column) ** 2 / 12
    assert mean_squares(values_RN) == pytest.approx((rows / 21, columns / 21, rest / 21, 3, 7))


def test_intervals_by_hand() -> None:
    """Over both: t(2)^2 13/12 for the three samples, t(1)^2 (13.5 - 1.5) / 6 for the two trainings."""
    t_1, t_2 = T_975[:2]
    halves = {
        "seeds": t_1 * (13.5 / 6) ** 0.5,
        "samples": t_2 * (13 / 12) ** 0.5,
        "both": (t_2**2 * 13 / 12 + t_1**2 * 2) ** 0.5,
    }
    for over, half in halves.items():
        assert crossed_mean(TABLE, over) == pytest.approx((2.5, 2.5 - half, 2.5 + half))  # type: ignore[arg-type]


def test_over_seeds_it_is_students_interval() -> None:
    values_RN = table(5, 30)
    theirs = estimate(values_RN.mean(axis=1).tolist())
    assert crossed_mean(values_RN, "seeds") == pytest.approx((theirs.mean, theirs.low, theirs.high))


def test_trainings_that_do_not_differ_as_a_whole_add_nothing() -> None:
    values_RN = table(4, 50)
    values_RN -= values_RN.mean(axis=1, keepdims=True)
    assert crossed_mean(values_RN, "both") == pytest.approx(crossed_mean(values_RN, "samples"))
    assert crossed_mean(values_RN, "seeds") == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("seed", range(5))
def test_both_is_never_narrower_than_samples(seed: int) -> None:
    low, high = (crossed_mean(table(seed=seed), over)[1] for over in ("both", "samples"))
    assert low is not None
    assert high is not None
    assert low <= high + 1e-12


def test_one_sample_has_no_interval() -> None:
    for over in OVER:
        assert crossed_mean(TABLE[:, :1], over) == (1.0, None, None)


def test_one_training_has_an_interval_over_samples_alone() -> None:
    one_1N = TABLE[:1]
    assert crossed_mean(one_1N) == crossed_mean(one_1N, "seeds") == (1.0, None, None)
    half = T_975[1] * (1 / 3) ** 0.5
    assert crossed_mean(one_1N, "samples") == pytest.approx((1.0, 1 - half, 1 + half))


def test_what_was_never_seen_in_ten_samples_may_be_seen_in_others() -> None:
    """The exact interval: with a rate of 0.3085, ten samples show none once in forty times."""
    assert crossed_mean(np.zeros((3, 10))) == pytest.approx((0.0, 0.0, 0.30849711))
    assert pow(1 - 0.30849711, 10) == pytest.approx(0.025)
    assert crossed_mean(np.ones((1, 10)), "samples") == pytest.approx((1.0, 1 - 0.30849711, 1.0))
    assert crossed_mean(np.zeros((3, 10)), "seeds") == (0.0, None, None)
    assert crossed_mean(np.zeros((3, 10)), least=-1) == pytest.approx((0.0, -0.30849711, 0.30849711))


def test_what_varies_by_sample_alone_has_the_width_of_samples() -> None:
    equal = np.repeat(table(1, 40), 3, axis=0)
    assert crossed_mean(equal) == pytest.approx(crossed_mean(equal[:1], "samples"))
    for shape in ((1, 5), (5, 1)):
        with pytest.raises(ValueError, match="two trainings and two samples"):
            mean_squares(np.ones(shape))


def test_the_jackknife_of_a_mean_is_the_means_interval() -> None:
    """Up to the blocks of samples, whose means stand for the samples."""
    values_RN = table(4, 5 * BLOCKS)
    left_out = leave_out(lambda models: values_RN[list(models)].mean(axis=0)[None], 4)
    (found,) = crossed_parts(left_out)
    blocks_RG = values_RN.reshape(4, 5, BLOCKS).mean(axis=1)
    assert found == pytest.approx(crossed_mean(blocks_RG))
    assert found.value == pytest.approx(crossed_mean(values_RN).value)


def test_samples_beyond_whole_blocks_count_for_the_value() -> None:
    values_RN = table(3, 2 * BLOCKS + 7)
    (found,) = crossed_parts(leave_out(lambda models: values_RN[list(models)].mean(axis=0)[None], 3))
    assert found.value == pytest.approx(values_RN.mean())


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_no_sample_has_or_all_have_is_known_as_well_as_there_are_samples(share: float) -> None:
    """Shares that are equal everywhere have no variance; a difference of them may be to both sides."""
    values_RN = np.full((3, 2 * BLOCKS + 7), share)
    left_out = leave_out(lambda models: np.stack([values_RN[list(models)].mean(axis=0)] * 2), 3)
    of_share, of_difference = crossed_parts(left_out, differences={1})
    unseen = 1 - 0.025 ** (1 / (2 * BLOCKS + 7))
    assert of_share == pytest.approx((share, max(share - unseen, 0), min(share + unseen, 1)))
    assert of_difference == pytest.approx((share, share - unseen * (1 + share), min(share + unseen, 1)))


def test_a_number_that_all_samples_share_need_not_be_so_of_others() -> None:
    """Each sample is right at one of two exits: 0.5 everywhere. One in forty may be right at none, or at both."""
    unseen = 1 - 0.025 ** (1 / 100)
    assert crossed_mean(np.full((2, 100), 0.5)) == pytest.approx((0.5, 0.5 - unseen / 2, 0.5 + unseen / 2))
    assert crossed_mean(np.full((2, 100), -1.0), least=-1) == pytest.approx((-1, -1, -1 + 2 * unseen))
    assert crossed_mean(np.full((2, 100), 3.0)) == (3, None, None)


def test_a_statistic_that_never_changes_has_no_interval() -> None:
    """The area under a curve of three trainings that overthink the same samples is 1, whatever others do."""
    values_RN = np.tile(np.arange(40) < 3, (3, 1)).astype(float)
    left_out = leave_out(lambda models: values_RN[list(models)].mean(axis=0)[None], 3)
    assert crossed_jackknife(left_out, lambda mean_K: float(mean_K[0] > 0)) == (1, None, None)


def test_the_last_samples_count_for_the_interval_too() -> None:
    """Of 39 samples in 20 blocks, the last 19 were in the mean and in no block."""
    values_RN = np.zeros((3, 39))
    values_RN[:, 38] = 1
    (found,) = crossed_parts(leave_out(lambda models: values_RN[list(models)].mean(axis=0)[None], 3))
    assert found.value == pytest.approx(1 / 39)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0
    assert found.high > 0.05


def test_on_the_scale_of_the_logarithm() -> None:
    """The interval of a power is the power of the interval, and its ends lie by equal factors from the value."""
    values_RN = 3 + 0.3 * table(5, 40)
    left_out = leave_out(lambda models: values_RN[list(models)].mean(axis=0)[None], 5)
    once, squared = (
        crossed_jackknife(left_out, lambda mean_K, power=power: float(mean_K[0] ** power), scale="log")  # type: ignore[misc]
        for power in (1, 2)
    )
    assert once.low is not None
    assert once.high is not None
    assert once.low * once.high == pytest.approx(once.value**2)
    assert squared == pytest.approx((once.value**2, once.low**2, once.high**2))


def test_too_few_trainings_or_no_number_without_one_have_no_interval() -> None:
    values_RN = table(2, 40)
    assert crossed_parts(leave_out(lambda models: values_RN[list(models)].mean(axis=0)[None], 2))[0].low is None
    three = leave_out(lambda models: table(3, 40)[list(models)].mean(axis=0)[None], 3)
    assert crossed_jackknife(three, lambda mean_K: float("nan")).low is None


def test_the_truths_of_a_world_are_those_of_many_trainings() -> None:
    world = populations()["correlated, training 0.1"]
    truth = rates(world)
    correct_REN = correct(world, 60, np.random.default_rng(0))
    final_RN = correct_REN[:, :-1].any(axis=1) & ~correct_REN[:, -1]
    assert correct_REN[:, -1].mean() == pytest.approx(truth["accuracy"], abs=0.01)
    assert final_RN.mean() == pytest.approx(truth["final"], abs=0.002)


@pytest.mark.parametrize("world, wrong", [("correlated", "seeds"), ("correlated, training 0.1", "samples")])
def test_intervals_over_both_hold_the_truth_where_others_fail(world: str, wrong: str) -> None:
    """Five trainings, 300 draws. Without new samples, or without new trainings, accuracy is missed too often."""
    found = of_means(populations()[world], 5, 2000, 300)
    for rate in ("accuracy", "any later", "final"):
        assert 0.92 <= found[rate, "both"].share <= 0.99
    assert found["accuracy", wrong].share < 0.87  # type: ignore[index]


def test_statistics_of_a_study_hold_the_truth() -> None:
    names = ("ICC of final", "coupling", "luck of the oracle", "churn")
    found = of_statistics(populations()["correlated"], 4, 500, 100, names)
    assert {name: one.share for name, one in found.items() if not 0.9 <= one.share <= 1} == {}
