import json
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from overthink.networks.msdnet_spec import MSDNetSpec
from support.msdnet_arithmetic import has_transition, kept_after, specs, steps


def spec(**changes: Any) -> MSDNetSpec:
    return MSDNetSpec(kind="msdnet", **changes)


def test_the_thesis_is_the_default() -> None:
    assert spec().layers_of_blocks == (1, 2, 3, 4, 5)
    thinned = [(p.number, p.channels_in + 6, p.channels_out) for p in spec().layer_plans() if p.transition]
    assert thinned == [(6, 52, 26), (11, 56, 28)]
    assert [p.scales_out for p in spec().layer_plans()] == [3] * 5 + [2] * 5 + [1] * 5


def test_scales_are_dropped_late_when_pruned_least() -> None:
    plans = list(spec(prune="min").layer_plans())
    assert [(p.scales_in, p.scales_out) for p in plans[-3:]] == [(3, 3), (3, 2), (2, 1)]
    assert [p.number for p in plans if p.transition] == [5, 10]


def test_even_blocks_after_the_first_are_equal() -> None:
    assert spec(blocks=4, step_mode="even", base=4, step=2).layers_of_blocks == (4, 2, 2, 2)
    assert spec(blocks=4, base=4, step=2).layers_of_blocks == (4, 3, 5, 7)


@given(specs())
def test_plans_against_the_description(any_spec: MSDNetSpec) -> None:
    plans = list(any_spec.layer_plans())
    assert list(any_spec.layers_of_blocks) == steps(any_spec)
    assert [p.number for p in plans] == list(range(1, sum(steps(any_spec)) + 1))
    assert [p.scales_in for p in plans] == [len(kept_after(any_spec, p.number - 1)) for p in plans]
    assert [p.scales_out for p in plans] == [len(kept_after(any_spec, p.number)) for p in plans]
    assert [p.transition for p in plans] == [has_transition(any_spec, p.number) for p in plans]
    assert plans[-1].scales_out >= 1


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"blocks": 0}, "blocks"),
        ({"growth": -6}, "growth"),
        ({"channels": 16.0}, "channels"),
        ({"base": True}, "base"),
        ({"bottleneck": 1}, "bottleneck"),
        ({"growth_factors": (1, 0, 4)}, "growth_factors.1"),
        ({"reduction": 0.0}, "reduction"),
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
