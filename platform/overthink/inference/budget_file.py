"""The JSON file of a lookup table of thresholds: stored with a run, read by `overthink budget`, validated when read."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, FiniteFloat, ValidationError, model_validator

from overthink.inference.budgeted import LookupTable
from overthink.inference.confidence import CRITERIA, criterion_named
from overthink.inference.patience import PATIENCE
from overthink.predictions.predictions import Predictions
from overthink.spec import Spec

Fraction = Annotated[float, Field(ge=0, le=1)]


LARGEST_COST = 10**15
"""MUL-ADDs; a thousand times those of the largest network."""


class _Row(Spec):
    q: tuple[Fraction, ...] | None
    """Share of the samples that each threshold aims at; null for patience: its row i is for i agreeing exits."""
    taken: tuple[Fraction, ...]
    """Share of the validation samples that exits there."""
    tied: tuple[int, ...]
    """Exits, from 1, where ties of confidence make other samples exit than q asks for: no threshold gives q there."""
    thresholds: tuple[FiniteFloat | None, ...]
    """Of every exit but the last, where all remaining samples exit; null for an exit that no sample leaves at."""
    mean_mul_adds: Annotated[float, Field(gt=0, le=LARGEST_COST)]
    accuracy: Fraction


class _File(Spec):
    format_version: Literal[2]
    criterion: Annotated[str, AfterValidator(criterion_named)]
    mul_adds: tuple[Annotated[int, Field(ge=1, le=LARGEST_COST)], ...]
    """Cumulative, per exit."""
    rows: Annotated[tuple[_Row, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        n_exits = len(self.mul_adds)
        for row in self.rows:
            shares = {len(row.taken), len(row.taken if row.q is None else row.q)}
            if shares != {n_exits} or len(row.thresholds) != n_exits - 1:
                raise ValueError(f"rows must have {n_exits} shares and {n_exits - 1} thresholds")
            if not all(1 <= number < n_exits for number in row.tied):
                raise ValueError(f"tied must be exits from 1 to {n_exits - 1}, got {list(row.tied)}")
        if len({row.q is None for row in self.rows}) > 1:
            raise ValueError("all rows must have q, or none")
        return self


def criteria_of(validation: Predictions) -> tuple[str, ...]:
    """Return the criteria of which such a file can be made: costs are in MUL-ADDs, and what they look at is known."""
    if validation.mul_adds_E is None:
        return ()
    looks_at = {"max-softmax": "confidence", "entropy": "entropy", "top2-ratio": "top2_ratio", PATIENCE: "classes"}
    return tuple(criterion for criterion in CRITERIA if looks_at[criterion] not in validation.absent)


def to_json(table: LookupTable) -> str:
    """Return the table as JSON text; its costs, in MUL-ADDs, and accuracies are of validation data."""
    rows = tuple(_row(table, p) for p in range(len(table.threshold_PE)))
    costs = tuple(map(int, table.cost_E.tolist()))
    return _File(format_version=2, criterion=table.criterion, mul_adds=costs, rows=rows).model_dump_json(indent=1)


def _row(table: LookupTable, p: int) -> _Row:
    return _Row(
        q=None if table.q_PE is None else tuple(table.q_PE[p].tolist()),
        taken=tuple(table.taken_PE[p].tolist()),
        tied=tuple((np.flatnonzero(table.tied_PE[p]) + 1).tolist()),
        thresholds=tuple(None if value == np.inf else value for value in table.threshold_PE[p, :-1].tolist()),
        mean_mul_adds=float(table.mean_cost_P[p]),
        accuracy=float(table.accuracy_P[p]),
    )


def from_json(text: str, source: str) -> LookupTable:
    """Return the table of a JSON text; raises ValueError naming the source and key if it is not valid."""
    try:
        file = _File.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"{source} is not a lookup table: {where}: {first['msg']}") from None
    limits = [[np.inf if value is None else value for value in row.thresholds] + [-np.inf] for row in file.rows]
    exits = range(1, len(file.mul_adds) + 1)
    return LookupTable(
        criterion=file.criterion,
        cost_E=np.array(file.mul_adds, dtype=np.int64),
        q_PE=None if file.rows[0].q is None else np.array([row.q for row in file.rows]),
        threshold_PE=np.array(limits, dtype=np.float64),
        taken_PE=np.array([row.taken for row in file.rows]),
        tied_PE=np.array([[number in row.tied for number in exits] for row in file.rows]),
        mean_cost_P=np.array([row.mean_mul_adds for row in file.rows]),
        accuracy_P=np.array([row.accuracy for row in file.rows]),
    )
