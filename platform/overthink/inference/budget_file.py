"""The JSON file of a lookup table of thresholds: stored with a run, read by `overthink budget`, validated when read."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from overthink.inference.budgeted import LookupTable
from overthink.spec import Spec

Fraction = Annotated[float, Field(ge=0, le=1)]


class _Row(Spec):
    q: tuple[Fraction, ...]
    thresholds: tuple[float | None, ...]
    """Of every exit but the last, where all remaining samples exit; null for an exit that no sample leaves at."""
    mean_mul_adds: Annotated[float, Field(gt=0)]
    accuracy: Fraction


class _File(Spec):
    format_version: Literal[1]
    criterion: str
    mul_adds: tuple[Annotated[int, Field(ge=1)], ...]
    """Cumulative, per exit."""
    rows: Annotated[tuple[_Row, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        n_exits = len(self.mul_adds)
        if any(len(row.q) != n_exits or len(row.thresholds) != n_exits - 1 for row in self.rows):
            raise ValueError(f"rows must have {n_exits} shares and {n_exits - 1} thresholds")
        return self


def to_json(table: LookupTable) -> str:
    """Return the table as JSON text; its costs and accuracies are of validation data."""
    rows = zip(table.q_PE, table.threshold_PE, table.mean_cost_P, table.accuracy_P, strict=True)
    return _File(
        format_version=1,
        criterion=table.criterion,
        mul_adds=tuple(table.cost_E.tolist()),
        rows=tuple(
            _Row(
                q=tuple(q_E.tolist()),
                thresholds=tuple(None if value == np.inf else value for value in threshold_E[:-1].tolist()),
                mean_mul_adds=float(cost),
                accuracy=float(accuracy),
            )
            for q_E, threshold_E, cost, accuracy in rows
        ),
    ).model_dump_json(indent=1)


def from_json(text: str, source: str) -> LookupTable:
    """Return the table of a JSON text; raises ValueError naming the source and key if it is not valid."""
    try:
        file = _File.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"{source} is not a lookup table: {where}: {first['msg']}") from None
    limits = [[np.inf if value is None else value for value in row.thresholds] + [-np.inf] for row in file.rows]
    return LookupTable(
        criterion=file.criterion,
        cost_E=np.array(file.mul_adds, dtype=np.int64),
        q_PE=np.array([row.q for row in file.rows]),
        threshold_PE=np.array(limits, dtype=np.float64),
        mean_cost_P=np.array([row.mean_mul_adds for row in file.rows]),
        accuracy_P=np.array([row.accuracy for row in file.rows]),
    )
