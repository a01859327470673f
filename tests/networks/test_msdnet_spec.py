import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from overthink.networks.msdnet_layout import LayerPlan, PathPlan
from overthink.networks.msdnet_spec import MSDNetSpec
from support.msdnet_arithmetic import has_transition, kept_after, specs, steps


def spec(**changes: Any) -> MSDNetSpec:
    return MSDNetSpec(kind="msdnet", **changes)


def layers(any_spec: MSDNetSpec) -> list[LayerPlan]:
    return [plan for plans in any_spec.layout().blocks for plan in plans]


def thinned(any_spec: MSDNetSpec) -> list[tuple[int, int, int]]:
    """Layers with a transition, from 1, and the coarsest scale's channels before and after it."""
    plans = enumerate(layers(any_spec), start=1)
    return [(number, p.grown[-1], p.transition[-1]) for number, p in plans if p.transition is not None]


def test_the_thesis_is_the_default() -> None:
    assert spec().layers_of_blocks == (1, 2, 3, 4, 5)
    assert thinned(spec()) == [(6, 4 * 52, 4 * 26), (11, 4 * 56, 4 * 28)]
    assert [len(p.normal) for p in layers(spec())] == [3] * 5 + [2] * 5 + [1] * 5


def test_the_first_layer_of_the_default_by_hand() -> None:
    """16, 32, 64 channels come in, 6, 12, 24 are added; a 1x1 convolution is at most 1, 2, 4 times its output."""
    assert layers(spec())[0] == LayerPlan(
        dropped=0,
        down=(PathPlan(16, 6, 6), PathPlan(32, 24, 12)),
        normal=(PathPlan(16, 6, 6), PathPlan(32, 12, 6), PathPlan(64, 48, 12)),
        grown=(22, 44, 88),
        transition=None,
    )


def test_a_reduction_of_zero_is_a_network_without_transitions() -> None:
    assert thinned(spec(reduction=0)) == thinned(spec(reduction=0, prune="min")) == []
    assert layers(spec(reduction=0))[-1].channels_out == (4 * (16 + 15 * 6),)


def test_scales_are_dropped_late_when_pruned_least() -> None:
    plans = layers(spec(prune="min"))
    assert [(p.dropped, len(p.normal)) for p in plans[-3:]] == [(0, 3), (1, 2), (1, 1)]
    assert [number for number, *_ in thinned(spec(prune="min"))] == [5, 10]


def test_even_blocks_after_the_first_are_equal() -> None:
    assert spec(blocks=4, step_mode="even", base=4, step=2).layers_of_blocks == (4, 2, 2, 2)
    assert spec(blocks=4, base=4, step=2).layers_of_blocks == (4, 3, 5, 7)


@given(specs())
def test_layers_against_the_description(any_spec: MSDNetSpec) -> None:
    plans = layers(any_spec)
    assert [len(block) for block in any_spec.layout().blocks] == steps(any_spec)
    kept = [len(kept_after(any_spec, number)) for number in range(len(plans) + 1)]
    assert [p.dropped for p in plans] == [before - after for before, after in pairwise(kept)]
    assert [len(p.normal) for p in plans] == kept[1:]
    assert [p.transition is not None for p in plans] == [has_transition(any_spec, n + 1) for n in range(len(plans))]
    assert kept[-1] >= 1


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"blocks": 0}, "blocks"),
        ({"growth": -6}, "growth"),
        ({"channels": 16.0}, "channels"),
        ({"base": True}, "base"),
        ({"bottleneck": 1}, "bottleneck"),
        ({"growth_factors": (1, 0, 4)}, "growth_factors.1"),
        ({"reduction": -0.1}, "reduction"),
        ({"reduction": 1.5}, "reduction"),
        ({"prune": "middle"}, "prune"),
        ({"step_mode": "square"}, "step_mode"),
        ({"growht": 6}, "growht"),
        ({"scales": 4}, "growth_factors [1, 2, 4] has 3 numbers, but there are 4 scales"),
        ({"bottleneck_factors": (1, 2)}, "bottleneck_factors [1, 2] has 2 numbers, but there are 3 scales"),
        ({"growth": 3, "growth_factors": (1, 3, 4)}, "growth 3 times growth_factors[1] 3 is 9"),
        ({"prune": "min", "blocks": 1}, "3 scales need at least 2 layers, but the blocks have 1 in all"),
        ({"channels": 1, "growth": 1, "reduction": 0.1}, "reduction 0.1 keeps none of 7 channels after layer 6"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        spec(**changes)
    first = raised.value.errors()[0]
    assert said in ".".join(map(str, first["loc"])) + first["msg"]


def test_growth_is_halved_only_beside_a_finer_scale() -> None:
    assert spec(scales=1, growth=3, growth_factors=(1, 1)).growth == 3
    assert spec(scales=2, growth=3, growth_factors=(1, 2)).growth == 3


def test_it_is_read_from_what_yaml_yields() -> None:
    written = {"kind": "msdnet", "scales": 2, "growth_factors": [1, 2], "bottleneck_factors": [1, 2]}
    assert MSDNetSpec.model_validate_json(json.dumps(written)).growth_factors == (1, 2)


@pytest.mark.parametrize(
    "changes, side, fits",
    [
        ({"scales": 1}, 1, True),
        ({}, 3, True),  # sides 3, 2, 1
        ({}, 2, False),  # sides 2, 1, 1
        ({"stem": "imagenet"}, 9, True),  # sides 9, (5,) 3, 2, 1
        ({"stem": "imagenet"}, 8, False),
        ({"scales": 6, "growth_factors": (1,) * 6, "bottleneck_factors": (1,) * 6}, 32, True),
        ({"scales": 7, "growth_factors": (1,) * 7, "bottleneck_factors": (1,) * 7}, 32, False),
    ],
)
def test_each_scale_is_smaller_than_the_one_above(changes: dict[str, Any], side: int, fits: bool) -> None:
    small = spec(**changes)
    if fits:
        small.check((3, side, 64), 10)
        return
    with pytest.raises(ValueError, match=rf"{small.scales} scales.* too many for images of 64x{side} pixels"):
        small.check((3, 64, side), 10)
