"""Which columns or arrays of a file hold what, and reading them as arrays of exits, samples and classes.

A pattern names a column an exit, `Conf_Exit_{i}`, or a column an exit and class, `logit_{i}_{c}`; a name without `{i}`
names one array of all exits, (E, N) or (N, E), with classes last where there are such.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.exit_rows import one_row_a_sample
from overthink.predictions.tables import Table
from overthink.sentences import listed
from overthink.spec import Spec
from overthink.untrusted import one_line

Role = Literal["ids", "label", "level", "prediction", "confidence", "correct", "logits", "probabilities"]
ROLES: tuple[Role, ...] = get_args(Role)
Axes = Literal["EN", "NE"]
"""The order of exits and samples in an array of all exits."""
USUAL: dict[Role, tuple[str, ...]] = {
    "ids": ("ids", "sample_id", "id"),
    "label": ("labels", "label", "targets", "target"),
    "level": ("levels", "level"),
    "prediction": ("predictions", "predicted", "exit_{i}_prediction"),
    "confidence": ("confidences", "confidence", "exit_{i}_max_softmax"),
    "correct": ("correct", "exit_{i}_correct"),
    "logits": ("logits", "exit_{i}_logits", "exit_{i}_logit_{c}"),
    "probabilities": ("probabilities", "probs", "exit_{i}_probabilities", "exit_{i}_probability_{c}"),
}
"""Names that are looked for where none is given."""


class ColumnNames(Spec):
    """Names and patterns by role; of a role that is left out, the usual names are looked for."""

    ids: str | None = None
    label: str | None = None
    level: str | None = None
    prediction: str | None = None
    confidence: str | None = None
    correct: str | None = None
    logits: str | None = None
    probabilities: str | None = None
    axes: Axes | None = None
    exit: str | None = None
    """The column with the number of the exit, of a table with a row for each sample and exit."""

    def name_of(self, role: Role) -> str | None:
        """Return the name that was given for a role."""
        given: str | None = getattr(self, role)
        return given


class Columns:
    """The columns of a table by role."""

    def __init__(self, table: Table, names: ColumnNames) -> None:
        if names.exit is not None:
            ids = names.ids or next((name for name in USUAL["ids"] if name in table.columns), USUAL["ids"][0])
            table = one_row_a_sample(table, names.exit, ids)
        self._table = table
        self._axes = names.axes if names.exit is None else "NE"
        self._exit = names.exit
        self.where = one_line(str(table.path))
        self.found: dict[Role, dict[tuple[int, int], str]] = {}
        """Role -> (exit, class) from 0 -> column; (-1, -1) for one array of all, (exit, -1) for one an exit."""
        for role in ROLES:
            given = names.name_of(role)
            for pattern in USUAL[role] if given is None else (given,):
                if places := _places(pattern, [*table.columns, *table.refused]):
                    self.found[role] = self._checked(role, pattern, places)
                    break
            else:
                if given is not None:
                    raise ValueError(f"{self.where}: no column {given!r} (--{role}){_nearest(given, table)}")

    def _checked(self, role: Role, pattern: str, places: dict[tuple[int, int], str]) -> dict[tuple[int, int], str]:
        for column in places.values():
            if column in self._table.refused:
                raise ValueError(f"{self.where}: {column!r} was not read: {self._table.refused[column]}")
        for axis, word in ((0, "exits"), (1, "classes")):
            numbers = sorted({place[axis] for place in places})
            if numbers[0] >= 0 and numbers not in ([*range(len(numbers))], [*range(1, len(numbers) + 1)]):
                raise ValueError(
                    f"{self.where}: columns {pattern!r} (--{role}) have the numbers {_few(numbers)}, but {word} are "
                    "numbered without a gap from 0 or 1"
                )
        return places

    @property
    def there(self) -> str:
        """What else the table has, for the end of a sentence about what it has not."""
        used = {name for places in self.found.values() for name in places.values()}
        names = [name for name in (*self._table.columns, *self._table.refused) if name not in used]
        return f"; options such as --logits name columns, and it has {listed(names)}" if names else ""

    def __contains__(self, role: Role) -> bool:
        """Return whether the table has columns of a role."""
        return role in self.found

    def per_sample(self, role: Role) -> NDArray[Any]:
        """Return the values of a role of each sample, (N,)."""
        ((_, name),) = self.found[role].items() if len(self.found[role]) == 1 else ((0, ""),)
        values = self._table.columns.get(name, np.empty((0, 0)))
        if values.ndim == 2 and self._exit is not None and (values != values[:, :1]).any():
            raise ValueError(f"{self.where}: {name!r} (--{role}) has other values at other exits of one sample")
        if values.ndim == 2 and (values.shape[1] == 1 or self._exit is not None):
            return values[:, 0]
        if values.ndim != 1:
            raise ValueError(f"{self.where}: {name!r} (--{role}) has shape {values.shape}, not one value a sample")
        return values

    def n_samples(self) -> int | None:
        """Return the number of samples where columns of one value a sample tell it."""
        for role in ("label", "ids", "level"):
            if role in self:
                return len(self.per_sample(role))
        return None

    def per_exit(self, role: Role, n_samples: int | None) -> NDArray[Any]:
        """Return the values of a role of each exit, (E, N), with classes last where there are such, (E, N, C)."""
        places = self.found[role]
        dims = 3 if role in ("logits", "probabilities") else 2
        if (-1, -1) in places:
            return self._oriented(role, self._table.columns[places[-1, -1]], dims, n_samples)
        columns = [self._table.columns[places[place]] for place in sorted(places)]
        if len({column.shape for column in columns}) > 1:
            raise ValueError(f"{self.where}: columns of --{role} have different shapes")
        exits = sorted({exit for exit, _ in places})
        if any(number >= 0 for _, number in places):
            classes = sorted({number for _, number in places})
            if len(places) < len(exits) * len(classes):
                raise ValueError(f"{self.where}: columns of --{role} have not all classes of all exits")
            return np.stack(columns, axis=-1).reshape(len(columns[0]), len(exits), len(classes)).swapaxes(0, 1)
        stacked = np.stack(columns)
        if stacked.ndim != dims:
            raise ValueError(
                f"{self.where}: columns of --{role} have shape {columns[0].shape}, which is not {dims - 1}-D"
            )
        return stacked

    def _oriented(self, role: Role, values: NDArray[Any], dims: int, n_samples: int | None) -> NDArray[Any]:
        name = next(iter(self.found[role].values()))
        if values.ndim != dims:
            expected = "(E, N, C) or (N, E, C)" if dims == 3 else "(E, N) or (N, E)"
            raise ValueError(f"{self.where}: {name!r} (--{role}) has shape {values.shape}, expected {expected}")
        if not values.size:
            raise ValueError(f"{self.where}: {name!r} (--{role}) has shape {values.shape}: it has no sample")
        first, second = values.shape[:2]
        if self._axes is None and (first == second or (n_samples is not None and n_samples not in (first, second))):
            raise ValueError(
                f"{self.where}: {name!r} (--{role}) has shape {values.shape}: which axis is of samples"
                + (f" ({n_samples} of them)" if n_samples is not None else "")
                + " cannot be told; name the order of the axes with --axes EN or --axes NE"
            )
        samples = max(first, second) if n_samples is None else n_samples
        by_sample = self._axes == "NE" if self._axes is not None else first == samples
        return values.swapaxes(0, 1) if by_sample else values

    def column(self, role: Role, exit: int) -> str:
        """Return the name of the column of an exit, from 0, for a sentence."""
        places = self.found[role]
        number = sorted({number for number, _ in places})[exit if (-1, -1) not in places else 0]
        return next(name for (of, _), name in sorted(places.items()) if of == number)


def as_integers(values: NDArray[Any], where: str) -> IntArray:
    """Return integers, also those written as 3.0; raises ValueError naming the first row that holds none."""
    if values.dtype.kind in "iub":
        if values.size and int(values.max()) > np.iinfo(np.int64).max:
            raise ValueError(f"{where} must be below 2^63, got {values.max()}")
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**53)
        if whole.all():
            return values.astype(np.int64)
        place = tuple(np.argwhere(~whole)[0])
        raise ValueError(f"{where} must be integers, got {values[place]} in row {place[-1] + 1}")
    first = one_line(str(values.flat[0]))[:40] if values.size else "nothing"
    raise ValueError(f"{where} must be integers, got {first!r}")


def as_numbers(values: NDArray[Any], where: str) -> FloatArray:
    """Return finite numbers as float64; raises ValueError naming the first that is none."""
    if values.dtype.kind not in "iuf":
        first = one_line(str(values.flat[0]))[:40] if values.size else "nothing"
        raise ValueError(f"{where} must be numbers, got {first!r}")
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        place = tuple(np.argwhere(~np.isfinite(numbers))[0])
        raise ValueError(f"{where} must be finite, got {numbers[place]} at exit {place[0] + 1}, row {place[1] + 1}")
    return numbers


def _places(pattern: str, names: Sequence[str]) -> dict[tuple[int, int], str]:
    if "{i}" not in pattern:
        return {(-1, -1): pattern} if pattern in names else {}
    expression = re.escape(pattern).replace(r"\{i\}", "(?P<i>[0-9]{1,3})", 1).replace(r"\{c\}", "(?P<c>[0-9]{1,6})", 1)
    found: dict[tuple[int, int], str] = {}
    for name in names:
        if match := re.fullmatch(expression, name):
            parts = match.groupdict()
            found.setdefault((int(parts["i"]), int(parts.get("c", -1))), name)
    return found


def _nearest(given: str, table: Table) -> str:
    there = [*table.columns, *table.refused]
    example = given.replace("{i}", "1").replace("{c}", "0")
    near = get_close_matches(example, there, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(there[:12])}"


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
