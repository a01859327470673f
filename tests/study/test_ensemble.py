from itertools import combinations

import numpy as np
import pytest

from overthink.metrics.overthinking import overthought
from overthink.predictions.arrays import FloatArray
from overthink.study.ensemble import ensemble_correct, ensembles, subsets
from support.worlds import WORLDS, correlated, predictions_of, systematic_quarter, tied_exits


def margins(world: str, repeats: int, n: int = 1000, seed: int = 0) -> FloatArray:
    random = np.random.default_rng(seed)
    return WORLDS[world](n, random).margins(repeats, random)


def test_by_hand() -> None:
    """Two trainings, one sample: margins 2 and -1 average to a right answer, at exit 2 -3 and 1 to a wrong one."""
    margin_REN = np.array([[[2.0], [-3.0]], [[-1.0], [1.0]]])
    found = ensembles(predictions_of(margin_REN))
    assert found.any_later.sizes == (1, 2)
    assert [rate.value for rate in found.any_later.rates] == [0.5, 1.0]  # the first training overthinks, not the second
    assert [rate.value for rate in found.accuracy.rates] == [0.5, 0.0]


def test_against_a_loop_over_subsets() -> None:
    margin_REN = margins("correlated", 4, n=60)
    found = ensembles(predictions_of(margin_REN))
    probability_REN = 1 / (1 + np.exp(-margin_REN))
    for size, rate in zip(found.any_later.sizes, found.any_later.rates, strict=True):
        averaged = [probability_REN[list(chosen)].mean(axis=0) > 0.5 for chosen in combinations(range(4), size)]
        assert rate.value == pytest.approx(np.mean([overthought(one_EN).mean() for one_EN in averaged]))


def test_one_training_is_what_runs_report() -> None:
    repeats = predictions_of(margins("difficulty only", 3))
    rate = ensembles(repeats).any_later.rates[0].value
    assert rate == pytest.approx(np.mean([overthought(one.correct_EN).mean() for one in repeats]))


def test_every_training_is_in_as_many_subsets_of_a_size() -> None:
    for repeats in (3, 8, 20):
        chosen = subsets(repeats)
        for size in {len(members) for members in chosen}:
            times = np.bincount([one for members in chosen if len(members) == size for one in members])
            assert len({*times.tolist()}) == 1
    assert len(subsets(8)) == 255
    assert len(subsets(20)) < 600


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "systematic quarter"])
def test_the_plateau_is_the_systematic_part(name: str) -> None:
    """Of each world, drawn five times: the interval holds the rate of infinitely many trainings."""
    population = WORLDS[name](100_000, np.random.default_rng(1))
    for seed in range(5):
        random = np.random.default_rng(seed)
        found = ensembles(predictions_of(population.samples(1000, random).margins(8, random))).any_later.plateau
        if name == "tied exits":
            assert found is None  # there is nothing to fall
            continue
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= population.systematic_any_later <= found.high
        assert found.high - found.low < 0.1


def test_what_most_trainings_overthink_does_not_average_out() -> None:
    """A quarter of the samples with probability 0.6: the rate rises with the size, so nothing is extrapolated."""
    random = np.random.default_rng(0)
    curve = ensembles(predictions_of(systematic_quarter(1000, random).margins(8, random))).any_later
    assert curve.plateau is None
    assert curve.rates[-1].value > curve.rates[0].value


def test_without_logits_confidences_are_averaged() -> None:
    """Of two classes the confidence in the answer is the whole softmax, so nothing changes."""
    margin_REN = margins("correlated", 4)
    with_logits, without = (ensembles(predictions_of(margin_REN, keep_logits=keep)) for keep in (True, False))
    assert with_logits.from_logits
    assert not without.from_logits
    assert without.any_later == with_logits.any_later


def test_few_trainings_and_none() -> None:
    random = np.random.default_rng(0)
    two = ensembles(predictions_of(correlated(200, random).margins(2, random)))
    assert two.any_later.plateau is None
    assert two.any_later.rates[0].low is None
    assert ensembles(predictions_of(tied_exits(200, random).margins(3, random))).any_later.rates[2].value == 0
    with pytest.raises(ValueError, match="needs a training"):
        ensembles([])


def test_parts_of_the_samples_at_a_time_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    repeats = predictions_of(margins("correlated", 3, n=101))
    whole = ensemble_correct(repeats, subsets(3))
    monkeypatch.setattr("overthink.study.ensemble.BYTES", 1000)
    assert (ensemble_correct(repeats, subsets(3)) == whole).all()
