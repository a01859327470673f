"""When samples are learned, lost and overthought: by hand, and against loops over samples."""

from itertools import pairwise

import numpy as np

from overthink.dynamics.fates import fates, final_fates, once_right_errors
from overthink.dynamics.stages import stages
from overthink.dynamics.times import first_time, for_good, forgetting_events, right_depth
from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray
from support.courses import moments


def random(n_moments: int = 6, n_exits: int = 4, n_samples: int = 300, seed: int = 0) -> BoolArray:
    chance = np.random.default_rng(seed)
    return chance.random((n_moments, n_exits, n_samples)) < chance.random(n_samples)


def test_a_sample_that_is_forgotten_at_an_epoch_and_an_exit_that_never_learns() -> None:
    """Exit 1 learns it at moment 1, loses it at 3 and has it for good from 4; exit 2 never does; exit 3 at once."""
    one_TE = [[0, 0, 1], [1, 0, 1], [1, 0, 1], [0, 0, 1], [1, 0, 1]]
    correct_TEN = np.array(one_TE, dtype=bool)[:, :, None]
    assert first_time(correct_TEN)[:, 0].tolist() == [1, 5, 0]
    assert for_good(correct_TEN)[:, 0].tolist() == [4, 5, 0]
    assert forgetting_events(correct_TEN)[:, 0].tolist() == [1, 0, 0]


def test_times_are_those_of_a_loop_over_samples() -> None:
    correct_TEN = random()
    n_moments, n_exits, n_samples = correct_TEN.shape
    first, good, events = first_time(correct_TEN), for_good(correct_TEN), forgetting_events(correct_TEN)
    for exit in range(n_exits):
        for sample in range(n_samples):
            seen = correct_TEN[:, exit, sample].tolist()
            assert first[exit, sample] == (seen.index(True) if True in seen else n_moments)
            since = next(start for start in range(n_moments + 1) if all(seen[start:]))
            assert good[exit, sample] == since
            losses = sum(before and not after for before, after in pairwise(seen))
            assert events[exit, sample] == losses


def test_the_depth_of_samples_that_the_last_exit_gets_right() -> None:
    correct_EN = random()[-1]
    depth_N = right_depth(correct_EN)
    for sample in range(correct_EN.shape[1]):
        seen = correct_EN[:, sample].tolist()
        expected = next(exit for exit in range(1, 6) if all(seen[exit - 1 :])) if seen[-1] else 0
        assert depth_N[sample] == expected


def fate_of(seen: BoolArray, last_only: bool) -> str:
    """Of one sample (T, E), pair by pair."""
    n_moments, n_exits = seen.shape
    first = [next((t for t in range(n_moments) if seen[t, e]), None) for e in range(n_exits)]
    kinds = set()
    for later in [n_exits - 1] if last_only else range(n_exits):
        earlier = [first[e] for e in range(later) if seen[-1, e]]
        if not earlier or seen[-1, later]:
            continue
        known = [time for time in earlier if time is not None]
        if first[later] is None:
            kinds.add("never")
        else:
            kinds.add("first" if first[later] <= min(known) else "after")  # type: ignore[operator]
    return next((kind for kind in ("first", "after", "never") if kind in kinds), "none")


def test_who_was_right_first_is_what_a_loop_over_pairs_says() -> None:
    correct_TEN = random()
    for found, overthought_N, last_only in (
        (fates(correct_TEN), overthought(correct_TEN[-1]), False),
        (final_fates(correct_TEN), finally_overthought(correct_TEN[-1]), True),
    ):
        kinds = [fate_of(correct_TEN[:, :, sample], last_only) for sample in range(correct_TEN.shape[2])]
        for name, flags_N in zip(("first", "after", "never"), found, strict=True):
            assert flags_N.tolist() == [kind == name for kind in kinds]
            assert flags_N.any()
        assert np.array_equal(np.sum(found, axis=0), overthought_N)


def test_a_network_of_one_exit_overthinks_nothing() -> None:
    assert not np.any(fates(random(n_exits=1)))
    assert not np.any(final_fates(random(n_exits=1)))


def test_other_errors_that_the_last_exit_once_got_right() -> None:
    never, once, overthought_, right = [[0, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 1], [1, 0]], [[1, 1], [1, 1]]
    correct_TEN = np.array([never, once, overthought_, right], dtype=bool).transpose(1, 2, 0)
    plain_N, once_N = once_right_errors(correct_TEN)
    assert plain_N.tolist() == [True, True, False, False]
    assert once_N.tolist() == [False, True, False, False]


def test_stages_lie_between_drops_and_phases() -> None:
    found = stages(moments(9, drops=(3, 7)))
    assert [(one.start, one.stop) for one in found] == [(0, 3), (3, 7), (7, 9)]
    two_phases = (*moments(2), moments(3)[2]._replace(phase=2))
    assert [(one.phase, one.start, one.stop) for one in stages(two_phases)] == [(1, 0, 2), (2, 2, 3)]
