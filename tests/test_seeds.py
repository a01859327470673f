import numpy as np
import pytest

from overthink.seeds import (
    STREAMS,
    Seeds,
    SeedStreams,
    Source,
    expand,
    generator,
    joined,
    parse_seeds,
    replace_free,
    seeds_of_labels,
    sources_of,
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


def test_labels_are_joined_into_spans_and_split_again() -> None:
    labels = ["0", "1", "2", "7", "split0-init1-order0-augment0", "9", "10"]
    assert joined(labels) == "0:3 7 split0-init1-order0-augment0 9 10"
    assert [seeds.label for seeds in seeds_of_labels(joined(labels))] == labels
    assert len(joined(map(str, range(10_000)))) < 10
    with pytest.raises(ValueError, match="are too many for one group"):
        joined(f"split{number}-init0-order0-augment0" for number in range(1000))


def test_a_span_from_a_store_is_not_believed_without_bounds() -> None:
    assert len(seeds_of_labels("0:9999999999999999999")) == 10_000
    assert len(seeds_of_labels(" ".join(["0:10000"] * 1000))) == 100_000


@pytest.mark.parametrize("text", ["", "x", "-1", "9223372036854775808", "0:", "split0-init1", "3-repeat", "²"])
def test_what_is_no_label_gives_no_seeds(text: str) -> None:
    assert seeds_of_labels(text) == ()


def test_a_label_names_every_source() -> None:
    seeds = Seeds(split=0, init=1, order=2, augment=3, kernel=4, repeat=5)
    assert seeds_of_labels(f"{seeds.label} 7-kernel2") == (seeds, same(7).model_copy(update={"kernel": 2}))


@pytest.mark.parametrize("text", ["9223372036854775808", "0:9223372036854775809", "0:99999999", "5:5", "²", "-1"])
def test_seeds_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"--seeds '{text}': "):
        parse_seeds(text)


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


def test_what_seeds_differ_in() -> None:
    cases: list[tuple[Source, ...]] = [("init",), ("kernel",), ("repeat",), STREAMS, ("order", "augment", "kernel")]
    for sources in cases:
        arm = [same(0).model_copy(update=dict.fromkeys(sources, number)) for number in range(3)]
        assert sources_of(arm) == sources
    assert sources_of([same(0)]) == sources_of([]) == ()
