import itertools
import json
from typing import Any

import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from pydantic import TypeAdapter, ValidationError

from overthink.sweep.space import Choice, Parameter, Space, check_conditions, corners, format_point, grid_of, is_active
from overthink.sweep.study import distribution

SPACE = TypeAdapter[dict[str, Parameter]](Space)


def space(**parameters: Any) -> dict[str, Parameter]:
    return SPACE.validate_json(json.dumps(parameters))


def test_a_grid_by_hand() -> None:
    """OFA's alpha counts under OFA alone: 2 plain points and 2 * 3 others."""
    of = space(
        regime={"choice": {"plain": [1], "ofa": [2]}},
        alpha={"float": [0.5, 0.9], "step": 0.2, "when": {"regime": ["ofa"]}},
        growth={"int": [4, 8], "step": 4},
    )
    points = grid_of(of)
    assert points[:2] == [{"regime": "plain", "growth": 4}, {"regime": "plain", "growth": 8}]
    assert len(points) == 2 + 3 * 2
    assert [point["alpha"] for point in points[2::2]] == pytest.approx([0.5, 0.7, 0.9])


def test_a_grid_is_every_combination_once() -> None:
    of = space(a={"int": [1, 4]}, b={"choice": ["x", "y", "z"]}, c={"choice": [True, False]})
    expected = [dict(zip("abc", one, strict=True)) for one in itertools.product([1, 2, 3, 4], "xyz", [True, False])]
    assert grid_of(of) == expected


@pytest.mark.parametrize(
    "parameter, ends",
    [
        ({"float": [0.1, 1.0], "step": 0.4}, (0.1, 0.9)),
        ({"float": [0.1, 0.4], "step": 0.2}, (0.1, 0.3)),
        ({"float": [0.1, 1.0], "step": 5}, (0.1, 0.1)),
        ({"float": [0.1, 0.4], "step": 0.1}, (0.1, 0.4)),
        ({"float": [0.1, 0.45]}, (0.1, 0.45)),
        ({"int": [4, 16], "step": 5}, (4, 14)),
        ({"int": [4, 16], "step": 4}, (4, 16)),
    ],
)
def test_a_step_that_does_not_divide_the_range(parameter: Any, ends: tuple[float, float]) -> None:
    """Optuna would warn of it at each trial; the values are the ones that it takes, and those of the grid."""
    (one,) = space(a=parameter).values()
    assert not isinstance(one, Choice)
    found = distribution(one)
    assert isinstance(found, FloatDistribution | IntDistribution)
    assert one.ends == (found.low, found.high) == ends
    if one.step is not None:
        assert one.grid[-1] == pytest.approx(ends[1])


def test_a_continuous_range_has_no_grid() -> None:
    with pytest.raises(ValueError, match=r"lr: a grid needs a finite number of values"):
        grid_of(space(lr={"float": [0.1, 1]}))


def test_a_grid_may_be_too_large() -> None:
    with pytest.raises(ValueError, match="more than 100000 points"):
        grid_of(space(a={"int": [1, 1000]}, b={"int": [1, 1000]}))


@pytest.mark.parametrize("one", [{"int": [0, 10**15]}, {"float": [0, 1], "step": 1e-15}, {"int": [1, 100_000]}])
def test_points_are_counted_before_they_are_made(one: Any) -> None:
    with pytest.raises(ValueError, match="b: the grid has more than 100000 points"):
        grid_of(space(a={"choice": list(range(60_000))}, b=one))


@pytest.mark.parametrize(
    "one, said",
    [
        ({"float": [0, 1e30], "step": 0.1}, "more than 1e[+]15 steps of 0.1"),
        ({"float": [-1.7e308, 1.7e308], "step": 1}, "a width that is a number"),
        ({"float": [-1.7e308, 1.7e308]}, "a width that is a number"),
        ({"int": [0, 10**17]}, "the largest number that a storage keeps exactly is 9007199254740992"),
        ({"int": [0, 10**400]}, "a width that is a number"),
    ],
)
def test_ranges_that_numbers_cannot_hold_are_refused(one: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        space(a=one)


def test_corners_have_each_end_and_each_choice_under_each_condition() -> None:
    of = space(
        regime={"choice": {"plain": 1, "ofa": 2, "both": 3}},
        alpha={"float": [0.5, 0.9], "when": {"regime": ["ofa", "both"]}},
    )
    found = list(corners(of))
    assert {(point["regime"], point.get("alpha")) for point in found} >= {
        ("plain", None),
        ("ofa", 0.5),
        ("ofa", 0.9),
        ("both", 0.5),
        ("both", 0.9),
    }
    assert all(point.keys() == {path for path in of if is_active(of[path], point)} for point in found)


@pytest.mark.parametrize(
    "parameter, words",
    [
        ({"float": [2, 1]}, "a lower and a higher end"),
        ({"float": [1, 1]}, "a lower and a higher end"),
        ({"float": [0, 1], "log": True}, "above 0"),
        ({"float": [1, 2], "log": True, "step": 0.1}, "cannot have a step"),
        ({"int": [3, 1]}, "a lower and a higher end"),
        ({"choice": []}, "at least one value"),
        ({"choice": [1, 1]}, "occurs twice"),
        ({"choice": [1, 1.0]}, "occurs twice"),
        ({"choice": [True, 1]}, "occurs twice"),
        ({"float": [1, 2], "int": [1, 2]}, "a parameter needs exactly one of"),
        ({"uniform": [1, 2]}, "a parameter needs exactly one of"),
        ([1, 2], "a parameter needs exactly one of"),
    ],
)
def test_what_is_no_parameter(parameter: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        space(x=parameter)


@pytest.mark.parametrize(
    "when, words",
    [
        ({"later": ["a"]}, "is not an earlier choice"),
        ({"number": [1]}, "is not an earlier choice"),
        ({"kind": ["c"]}, "not among its choices"),
        ({"kind": []}, "not among its choices"),
    ],
)
def test_conditions_that_cannot_be_met(when: dict[str, Any], words: str) -> None:
    of = space(
        kind={"choice": ["a", "b"]}, number={"int": [1, 2]}, x={"int": [1, 2], "when": when}, later={"choice": ["a"]}
    )
    with pytest.raises(ValueError, match=words):
        check_conditions(of)


def test_a_point_in_words() -> None:
    assert format_point({"regime": "isc+ofa", "lr": 0.031234567, "growth": 8}) == "regime=isc+ofa, lr=0.03123, growth=8"
