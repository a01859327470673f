import numpy as np
import pytest

from overthink.seeds import (
    STREAMS,
    Seeds,
    SeedStreams,
    expand,
    generator,
    parse_seeds,
    replace_free,
    torch_generator,
)


def same(seed: int) -> Seeds:
    return Seeds(split=seed, init=seed, order=seed, augment=seed)


def test_a_count_gives_that_many_runs_with_equal_streams() -> None:
    assert expand(2) == (same(0), same(1))


def test_a_list_gives_those_seeds_once_each() -> None:
    assert expand((7, 3, 7)) == (same(7), same(3))


def test_named_streams_are_fixed_and_the_others_follow_the_run() -> None:
    plan = SeedStreams(split=9, init=(4, 5))
    assert expand(plan) == (
        Seeds(split=9, init=4, order=0, augment=0),
        Seeds(split=9, init=5, order=1, augment=1),
    )


def test_lists_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        SeedStreams(init=(0, 1), order=(0, 1, 2))


def test_new_seeds_leave_fixed_streams_alone() -> None:
    replaced = replace_free(SeedStreams(split=9, init=(4, 5)), (1, 2))
    assert expand(replaced) == (
        Seeds(split=9, init=1, order=1, augment=1),
        Seeds(split=9, init=2, order=2, augment=2),
    )
    assert replace_free(5, (1, 2)) == (1, 2)


def test_streams_and_places_are_independent() -> None:
    draws = {
        (stream, place): generator(same(0), stream, *place).random()
        for stream in STREAMS
        for place in [(), (0, 0), (0, 1), (1, 0)]
    }
    assert len(set(draws.values())) == len(draws)


def test_a_stream_depends_on_its_own_seed_only() -> None:
    one, other = same(0), same(0).model_copy(update={"order": 1})
    assert generator(one, "init").random() == generator(other, "init").random()
    assert generator(one, "order").random() != generator(other, "order").random()
    assert torch_generator(one, "init").initial_seed() == torch_generator(other, "init").initial_seed()


def test_drawing_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    generator(same(3), "order", 1).permutation(10)
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]


def test_labels_are_short_where_streams_agree() -> None:
    assert same(3).label == "3"
    assert Seeds(split=0, init=1, order=2, augment=3).label == "split0-init1-order2-augment3"


@pytest.mark.parametrize("text", ["", "a", "3:1", "1:2:3", "-1", "1.5"])
def test_unreadable_seeds_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="--seeds"):
        parse_seeds(text)
