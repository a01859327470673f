"""Arms and base points: which runs they come to."""

from collections.abc import Mapping
from itertools import combinations

import pytest

from overthink.seeds import SOURCES, STREAMS, Seeds, Source, seeds_of_labels, sources_of
from overthink.study.design import arms_text, base_point_of, seeds_of_arms, sobol_arms

ARMS: dict[str, tuple[Source, ...]] = {**sobol_arms(STREAMS), "none": ("repeat",)}


def networks(arms: Mapping[str, tuple[Seeds, ...]]) -> set[Seeds]:
    return {seeds for arm in arms.values() for seeds in arm}


def test_repeats_differ_in_their_arms_sources_alone() -> None:
    arms = seeds_of_arms({"all": STREAMS, "order": ("order",), "none": ("repeat",)}, 3)
    still = Seeds(split=0, init=0, order=0, augment=0)
    assert [seeds.label for seeds in arms["all"]] == ["0", "1", "2"]
    assert [seeds.label for seeds in arms["order"]] == [
        "0",
        "split0-init0-order1-augment0",
        "split0-init0-order2-augment0",
    ]
    assert [seeds.label for seeds in arms["none"]] == ["0", "0-repeat1", "0-repeat2"]
    assert all(arm[0] == still for arm in arms.values())


def test_an_arm_at_a_base_point_varies_its_own_sources_alone() -> None:
    arms = seeds_of_arms(ARMS, 3, base_points=4)
    for name, seeds in arms.items():
        assert sources_of(seeds) == tuple(one for one in SOURCES if one in ARMS[name.partition("@")[0]])
        assert seeds[0] == arms["all"][base_point_of(name)]
    assert [seeds.label for seeds in arms["all"]] == ["0", "1", "2", "3"]
    assert [seeds.label for seeds in arms["all-but-init@2"]] == [
        "2",
        "split1002-init2-order1002-augment1002",
        "split2002-init2-order2002-augment2002",
    ]
    assert [name for name in arms if name.startswith("none")] == ["none"]
    assert len(networks(arms)) == 4 * (1 + 8 * 2) + 2


def test_base_points_have_no_seed_in_common() -> None:
    """Else what they show would not be independent, and intervals over base points too narrow."""
    arms = seeds_of_arms(ARMS, 5, base_points=3)
    further = arms["all"][3:]  # `all` has as many repeats as other arms, so more than there are base points
    groups = [
        *(
            networks({name: arm for name, arm in arms.items() if name != "all" and base_point_of(name) == point})
            for point in range(3)
        ),
        further,
    ]
    seeds = [{(stream, getattr(one, stream)) for one in group for stream in STREAMS} for group in groups]
    assert len(further) == 2
    assert all(one.isdisjoint(other) for one, other in combinations(seeds, 2))


@pytest.mark.parametrize("few, many", [((2, 3), (4, 3)), ((2, 2), (2, 7)), ((3, 2), (5, 6))])
def test_more_repeats_or_base_points_add_runs_and_change_none(few: tuple[int, int], many: tuple[int, int]) -> None:
    assert networks(seeds_of_arms(ARMS, *few)) < networks(seeds_of_arms(ARMS, *many))


def test_all_of_some_sources_leaves_the_others_as_they_are() -> None:
    """Base points lie among the runs of `all`: where the split is fixed, they do not differ in it."""
    arms = seeds_of_arms(sobol_arms(("init", "order")), 2, base_points=3)
    assert list(arms) == ["all", "init", "order", "init@1", "order@1", "init@2", "order@2"]
    assert arms["all"] == tuple(Seeds(split=0, init=number, order=number, augment=0) for number in range(3))
    assert arms["init@2"][1] == Seeds(split=0, init=1002, order=2, augment=0)


def test_a_source_that_all_leaves_alone_is_varied_around_every_base_point() -> None:
    """A number of threads stays small."""
    arms = seeds_of_arms({"all": STREAMS, "kernel": ("kernel",)}, 3, base_points=2)
    assert [seeds.label for seeds in arms["kernel@1"]] == ["1", "1-kernel1", "1-kernel2"]
    arms = seeds_of_arms(sobol_arms(("init", "kernel")), 2, base_points=2)
    assert [(seeds.init, seeds.kernel) for seeds in arms["kernel@1"]] == [(1, 1), (1, 2)]
    assert (
        [(seeds.init, seeds.kernel) for seeds in arms["init@1"]]
        == [(1, 1), (1001, 1)]
        == [(seeds.init, seeds.kernel) for seeds in (arms["all"][1], arms["init@1"][1])]
    )


def test_all_but_one_of_two_is_the_other() -> None:
    assert list(sobol_arms(("init", "order"))) == ["all", "init", "order"]
    assert sobol_arms(()) == {}


def test_arms_as_a_store_has_them() -> None:
    arms = seeds_of_arms(ARMS, 2, base_points=8)
    assert len(arms_text(arms)) < 8000
    assert seeds_of_labels("split1-init1001-order1-augment1")[0] == arms["init@1"][1]
    with pytest.raises(
        ValueError, match=r"a study of 2059 networks is too large for one group; use fewer base points or repeats"
    ):
        arms_text(seeds_of_arms(ARMS, 8, base_points=36))
