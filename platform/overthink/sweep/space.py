"""The search space: ranges and choices at dotted paths into a definition, some only under a condition."""

import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from overthink.definition.run_definition import Name
from overthink.spec import Spec

Value = bool | int | float | str
"""A value that a sampler chooses: a number, or the name of a choice."""
Condition = dict[str, tuple[JsonValue, ...]]
"""Path of another parameter -> the choices of it under which this parameter is active."""
MOST_POINTS = 100_000
MOST_STEPS = 1e15
"""Of a range: of more, neighbours are the same number."""
LARGEST_INT = 2**53
"""Storages keep values as floats."""


TOO_MANY = f"the grid has more than {MOST_POINTS} points"


class _Parameter(Spec):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    when: Condition = Field(default_factory=dict)


class FloatRange(_Parameter):
    """`{float: [1, 100], log: true}`: a number in a range, ends included."""

    between: Annotated[tuple[float, float], Field(alias="float")]
    log: bool = False
    step: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _range(self) -> Self:
        _check_range(self.between, self.log, self.step)
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value: with a step that does not divide the range, the highest lies within it."""
        low, high = self.between
        if self.step is None:
            return low, high
        exact = [Decimal(str(number)) for number in (low, high, self.step)]  # 0.3 is 0.1 and a step of 0.2
        return low, float(exact[1] - (exact[1] - exact[0]) % exact[2])

    @property
    def grid(self) -> tuple[float, ...]:
        """All values of a range with a step; raises ValueError for a continuous range."""
        if self.step is None:
            raise ValueError("a grid needs a finite number of values; add a step to this range, or use choice")
        (low, high), step = self.between, self.step
        return tuple(low + step * place for place in _few(range(int((high - low) / step + 1e-9) + 1)))


class IntRange(_Parameter):
    """`{int: [4, 16], step: 4}`: a whole number in a range, ends included."""

    between: Annotated[tuple[int, int], Field(alias="int")]
    log: bool = False
    step: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _range(self) -> Self:
        _check_range(self.between, self.log, self.step if self.step > 1 else None)
        if max(map(abs, self.between)) > LARGEST_INT:
            raise ValueError(f"int: the largest number that a storage keeps exactly is {LARGEST_INT}")
        return self

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest value: with a step that does not divide the range, the highest lies within it."""
        low, high = self.between
        return low, high - (high - low) % self.step

    @property
    def grid(self) -> tuple[int, ...]:
        """All values."""
        return tuple(_few(range(self.between[0], self.between[1] + 1, self.step)))


class Choice(_Parameter):
    """`{choice: [0.1, 0.01]}`, or `{choice: {plain: [...], isc: [...]}}` for values that need a name."""

    choice: dict[Name, JsonValue] | tuple[bool | int | float | str, ...]

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.choice:
            raise ValueError("choice: needs at least one value")
        if len({*self.choice}) < len(self.choice):  # 1, 1.0 and true are one to Optuna
            raise ValueError(f"choice: a value occurs twice in {list(self.choice)}")
        return self

    @property
    def grid(self) -> tuple[Value, ...]:
        """All values, or their names."""
        return tuple(self.choice)


def _kind(raw: Any) -> str | None:
    """Return the kind of a parameter, by its key."""
    if isinstance(raw, _Parameter):
        return {FloatRange: "float", IntRange: "int", Choice: "choice"}[type(raw)]
    kinds = [kind for kind in ("float", "int", "choice") if isinstance(raw, dict) and kind in raw]
    return kinds[0] if len(kinds) == 1 else None


Parameter = Annotated[
    Annotated[FloatRange, Tag("float")] | Annotated[IntRange, Tag("int")] | Annotated[Choice, Tag("choice")],
    Discriminator(
        _kind,
        custom_error_type="parameter",
        custom_error_message="a parameter needs exactly one of float: [low, high], int: [low, high], choice: [...]",
    ),
]
Space = Annotated[dict[str, Parameter], Field(min_length=1)]


def check_conditions(space: Mapping[str, Parameter]) -> None:
    """Raise ValueError if a condition does not name an earlier choice."""
    before: dict[str, Choice] = {}
    for path, parameter in space.items():
        for other, values in parameter.when.items():
            if other not in before:
                raise ValueError(f"{path}.when: {other!r} is not an earlier choice of this space")
            unknown = [value for value in values if value not in before[other].grid]
            if unknown or not values:
                raise ValueError(f"{path}.when.{other}: {unknown or 'nothing'} is not among its choices")
        if isinstance(parameter, Choice):
            before[path] = parameter


def is_active(parameter: Parameter, chosen: Mapping[str, Value]) -> bool:
    """Return whether a parameter is active, given the values of those before it."""
    return all(other in chosen and chosen[other] in values for other, values in parameter.when.items())


def values_by_path(space: Mapping[str, Parameter], point: Mapping[str, Value]) -> dict[str, JsonValue]:
    """Return the definition's value at each path of the active parameters, in the space's order."""
    return {
        path: parameter.choice[str(point[path])]
        if isinstance(parameter, Choice) and isinstance(parameter.choice, dict)
        else point[path]
        for path, parameter in space.items()
        if is_active(parameter, point)
    }


def grid_of(space: Mapping[str, Parameter]) -> list[dict[str, Value]]:
    """Return every combination once; raises ValueError for a continuous range, and for too many points."""
    points: list[dict[str, Value]] = [{}]
    for path, parameter in space.items():
        try:
            values = parameter.grid
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        if sum(len(values) if is_active(parameter, point) else 1 for point in points) > MOST_POINTS:
            raise ValueError(f"{path}: {TOO_MANY}")
        points = [
            point | more
            for point in points
            for more in ([{path: value} for value in values] if is_active(parameter, point) else [{}])
        ]
    return points


def _few(values: range) -> range:
    if len(values) > MOST_POINTS:
        raise ValueError(TOO_MANY)
    return values


def corners(space: Mapping[str, Parameter]) -> Iterator[dict[str, Value]]:
    """Yield points that together have each choice and each end of a range, changing one parameter at a time.

    A parameter with a condition is changed under each combination of choices that makes it active.
    """
    ends = {path: one.grid if isinstance(one, Choice) else one.ends for path, one in space.items()}
    first = {path: values[0] for path, values in ends.items()}
    yield _active_part(space, first)
    for path, parameter in space.items():
        for values in product(*(parameter.when[other] for other in parameter.when)):
            under = dict(zip(parameter.when, values, strict=True))
            for value in ends[path]:
                yield _active_part(space, {**first, **under, path: value})  # type: ignore[dict-item]


def _active_part(space: Mapping[str, Parameter], point: Mapping[str, Value]) -> dict[str, Value]:
    kept: dict[str, Value] = {}
    for path, parameter in space.items():
        if is_active(parameter, kept):
            kept[path] = point[path]
    return kept


def format_point(point: Mapping[str, Value]) -> str:
    """Return a point as text: `regime.0.lr=0.0312, regime=isc+ofa`."""
    return ", ".join(
        f"{path}={value:.4g}" if isinstance(value, float) else f"{path}={value}" for path, value in point.items()
    )


def format_point_short(point: Mapping[str, Value]) -> str:
    """Return a point as text with the last part of each path, if those differ: `lr=0.0312`."""
    brief = {path.rpartition(".")[2]: value for path, value in point.items()}
    return format_point(brief if len(brief) == len(point) else point)


def _check_range(between: tuple[float, float], log: bool, step: float | None) -> None:
    low, high = between
    if not low < high:
        raise ValueError(f"a range needs a lower and a higher end, got {list(between)}")
    if not high - low <= sys.float_info.max:
        raise ValueError(f"a range needs a width that is a number, got {list(between)}")
    if step is not None and high - low > step * MOST_STEPS:
        raise ValueError(f"step: the range {list(between)} has more than {MOST_STEPS:.0e} steps of {step}")
    if log and low <= 0:
        raise ValueError(f"log: the lower end must be above 0, got {list(between)}")
    if log and step is not None:
        raise ValueError("log: a range with log cannot have a step")
