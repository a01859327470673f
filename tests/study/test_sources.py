"""Shares of sources whose truth is known: one source does all, their combination does all, and simulated worlds."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from benchmarks.sources import READINGS, WORLDS, World, around_one, holds, intervals, studied, true_shares

from overthink.metrics.overthinking import overthought
from overthink.predictions.arrays import BoolArray
from overthink.seeds import STREAMS, Seeds
from overthink.statistics.jackknife import Interval
from overthink.study.decomposition import decomposition
from overthink.study.design import Arms, seeds_of_arms, sobol_arms
from overthink.study.sources import Share, Shares, SourceShares, source_shares

N = 200


def trained(arms: Mapping[str, tuple[Seeds, ...]], key: Callable[[Seeds], object]) -> dict[Seeds, BoolArray]:
    """Runs of two exits, the first always right; runs of one key overthink the same samples, others their own."""
    overthought_N: dict[object, BoolArray] = {}
    found = {}
    for seeds in dict.fromkeys(seeds for arm in arms.values() for seeds in arm):
        random = np.random.default_rng(len(overthought_N))
        lost_N = overthought_N.setdefault(key(seeds), random.random(N) < 0.3)
        found[seeds] = np.stack([np.ones(N, dtype=np.bool_), ~lost_N])
    return found


def shares(arms: Arms, key: Callable[[Seeds], object], repeats: int = 2, base_points: int = 6) -> SourceShares:
    of_arms = seeds_of_arms(arms, repeats, base_points)
    found = source_shares(of_arms, trained(of_arms, key))
    assert found is not None
    return found


def around(found: Interval | None, value: float) -> bool:
    return found is not None and found.low is not None and found.high is not None and found.low <= value <= found.high


def test_one_source_does_it_all() -> None:
    found = shares(sobol_arms(STREAMS), lambda seeds: seeds.init)
    assert (found.base_points, found.networks, found.sources) == (6, 54, STREAMS)
    assert found.any_later == found.final  # with two exits they are one
    for of_reading in found.any_later:
        assert list(of_reading.of) == list(STREAMS)
        order, init = of_reading.of["order"].total, of_reading.of["init"].first_order
        assert order is not None
        assert init is not None
        assert (order.value, init.value) == (0, 1)
    sure, rates = found.any_later
    assert sure.of["order"].total == (0.0, 0.0, 0.0)  # its networks are equal on all samples
    assert rates.of["order"].total == (0.0, None, None)  # equal rates are common by chance
    by_sample = found.any_later.per_sample
    assert around(by_sample.of["init"].total, 1)
    assert around(by_sample.of["order"].first_order, 0)
    assert around(by_sample.total_sum, 1)
    assert by_sample.interaction is not None
    assert by_sample.interaction.low == 0


def test_their_combination_does_it_all() -> None:
    """Any difference gives other samples: each total share is 100%, each first-order share 0; the rest is shared."""
    found = shares(sobol_arms(STREAMS), lambda seeds: seeds).any_later.per_sample
    assert all(around(share.total, 1) and around(share.first_order, 0) for share in found.of.values())
    assert found.interaction is not None
    assert found.interaction.low is not None
    assert found.interaction.low > 0.7
    assert found.total_sum is not None
    assert found.total_sum.low is not None
    assert found.total_sum.low > 3
    assert found.total_sum.high == pytest.approx(4)
    assert found.first_order_sum is not None
    assert found.first_order_sum.value == pytest.approx(1 - found.interaction.value)


def test_shares_are_what_can_be() -> None:
    reading = shares(sobol_arms(STREAMS), lambda seeds: seeds, base_points=4).any_later.per_sample
    for found in (found for share in reading.of.values() for found in share):
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high


def test_a_study_of_one_base_point_has_total_shares() -> None:
    """As stored by earlier versions: each arm varies one source around one base point."""
    arms = seeds_of_arms({"all": STREAMS, "init": ("init",), "order": ("order",), "none": ("repeat",)}, 8)
    runs = trained(arms, lambda seeds: seeds)
    found = source_shares(arms, runs)
    assert found is not None
    assert (found.base_points, found.networks) == (1, 22)
    by_sample = found.any_later.per_sample
    assert list(by_sample.of) == ["init", "order"]
    within = {
        name: decomposition(np.stack([overthought(runs[seeds]) for seeds in arm])).within_samples.value
        for name, arm in arms.items()
    }
    total = by_sample.of["init"].total
    assert total is not None
    assert total.value == pytest.approx(within["init"] / within["all"])
    assert around(total, 1)
    assert total.high is not None
    assert total.high > 1  # around one base point the variance may be larger than on average
    assert by_sample.of["init"].first_order is by_sample.interaction is by_sample.total_sum is None


def test_what_is_not_finished_is_left_out() -> None:
    arms = seeds_of_arms(sobol_arms(STREAMS), 2, base_points=4)
    runs = trained(arms, lambda seeds: seeds)
    begun = {seeds: correct_EN for seeds, correct_EN in runs.items() if seeds not in arms["init@2"][1:]}
    found = source_shares(arms, begun)
    assert found is not None
    assert found.networks == 35
    assert around(found.any_later.per_sample.of["init"].total, 1)  # from the other three
    first = {seeds: correct_EN for seeds, correct_EN in runs.items() if seeds in [*arms["all"], *arms["init"]]}
    found = source_shares(arms, first)
    assert found is not None
    shares_of = found.any_later.per_sample.of
    assert shares_of["order"] == (None, None)
    assert shares_of["init"].total is not None
    assert shares_of["init"].total.low is None  # one block has no interval over base points


def test_sources_beside_all_and_sources_that_vary_together() -> None:
    """`kernel` is no part of `all`; `init, order` is neither one source nor all but one."""
    arms: Arms = {
        "all": STREAMS,
        "kernel": ("kernel",),
        "both": ("order", "init"),
        "all-but-init": STREAMS[:1] + STREAMS[2:],
    }
    found = shares(arms, lambda seeds: seeds).any_later.per_sample
    assert list(found.of) == ["init", "kernel", "init, order"]
    assert found.of["init"].total is None
    assert around(found.of["init"].first_order, 0)
    assert found.of["kernel"].first_order is None
    assert around(found.of["kernel"].total, 1)
    assert around(found.of["init, order"].total, 1)


def test_of_two_sources_each_is_all_but_the_other() -> None:
    found = shares(sobol_arms(("init", "order")), lambda seeds: seeds.init).any_later.per_sample
    assert found.of["init"].first_order == (1.0, 1.0, 1.0)
    assert around(found.of["order"].first_order, 0)
    assert around(found.total_sum, 1)


def test_studies_without_shares() -> None:
    for arms in ({"all": STREAMS}, {"all": STREAMS, "none": ("repeat",)}, {"init": ("init",), "order": ("order",)}):
        of_arms = seeds_of_arms(arms, 3)  # type: ignore[arg-type]
        assert source_shares(of_arms, trained(of_arms, lambda seeds: seeds)) is None
    found = shares(sobol_arms(STREAMS), lambda _: 0)  # all networks are equal
    assert found.any_later.per_sample == Shares(dict.fromkeys(STREAMS, Share(None, None)), None, None, None)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_intervals_hold_true_shares(world: World) -> None:
    """Simulated training of six base points; `benchmarks/sources.py` has the whole table."""
    held: dict[str, list[bool]] = {reading: [] for reading in READINGS}
    true = {reading: true_shares(world, reading == "rate") for reading in READINGS}
    for draw in range(20):
        found = studied(world, 6, 2, draw)
        for reading in READINGS:
            held[reading] += [holds(one, true[reading][key]) for key, one in intervals(found, reading).items()]
    assert {reading: np.mean(of_reading) > 0.88 for reading, of_reading in held.items()} == dict.fromkeys(
        READINGS, True
    )


def test_the_variance_of_all_is_no_longer_taken_as_exact() -> None:
    before, after = around_one(WORLDS[1], 8, 40)
    assert before < 0.9 < after
