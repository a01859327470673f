"""The tables of the dynamics of trainings: a row for each stage, exit and comparison; and all numbers as records."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from overthink.dynamics.findings import Disorder, Dynamics, OfFates
from overthink.dynamics.order import LearningOrder
from overthink.dynamics.verdict import verdict
from overthink.predictions.arrays import FloatArray
from overthink.report.averages import held_fixed_sentence
from overthink.report.csv_text import csv_text
from overthink.report.dynamics import GroupDynamics
from overthink.report.figures.dynamics import AMOUNTS
from overthink.report.grids import Grid
from overthink.report.study_table import interval
from overthink.report.undetermined import explained
from overthink.sentences import number_of
from overthink.statistics.jackknife import Interval

STAGES_CAPTION = (
    "Percent of samples overthought (any later) at the first and at the last moment of a stage. Stay so: of those at "
    "its last moment, overthought at the end. Born: of those overthought at the end, so for good since this stage. A "
    "stage lies between two drops of the learning rate, or two phases."
)
EXITS_CAPTION = (
    "Percent of samples. Learned: epoch after which a sample is right for good, mean over those right at the end. "
    "Forgotten: how often a sample is right and at the next moment wrong. Never forgotten: right once, and ever since."
)
FATES_CAPTION = (
    "Percent of the samples overthought at the end. Was first: a later exit, wrong at the end, had been right no later "
    "than the earlier one. Came after: it had been right for the first time after the earlier one. Never: it had not "
    "been right at any recorded moment."
)
ORDER_CAPTION = (
    "Spearman's correlation over samples of the moment from which on an exit is right for good, mean over pairs of "
    "exits."
)
ALL_TRAININGS = "all trainings"
DIFFERENCE = "difference"
"""Of two correlations: from -2 to 2."""
DISORDER_CAPTION = (
    "Percent overthought at the end (any later), and in brackets the part of all samples. Rows: thirds of the samples "
    "by how far the exits of a network differ in when they learn a sample; columns: by how far trainings differ. Both "
    "as seen in the other trainings."
)


def grids(found: Dynamics) -> list[Grid]:
    """Return the tables that have rows."""
    tables = (_stages(found), _exits(found), _fates(found), _order(found.order), _disorder(found.disorder))
    return [explained(grid) for grid in tables if grid.rows]


def intervals_sentence(found: Dynamics, fixed: Sequence[str] = ()) -> str:
    """Return what was looked at, and what the intervals hold for; `fixed` is what all trainings share."""
    shared = held_fixed_sentence({ALL_TRAININGS: fixed})
    return " ".join(filter(None, (_held_for(found), shared)))


def _held_for(found: Dynamics) -> str:
    count = number_of(found.trainings, "training")
    what = f"{count}, {found.samples} {found.split} samples, {len(found.moments)} recorded moments."
    if found.trainings == 1:
        return f"{what} One training has no intervals."
    if found.crossed:
        return (
            f"{what} 95% intervals hold for new trainings and new samples, those of correlations for new trainings, on "
            "these samples."
        )
    return (
        f"{what} The trainings recorded different samples, so they are not compared, and 95% intervals hold for new "
        "trainings alone; seeds: {split: 0} validates all on the same samples."
    )


def _stages(found: Dynamics) -> Grid:
    rows = []
    for number, one in enumerate(found.stages, start=1):
        first, last = found.moments[one.stage.start], found.moments[one.stage.stop - 1]
        epochs = f"{first.epoch:g} to {last.epoch:g}" if first.epoch < last.epoch else f"{last.epoch:g}"
        rates = (_cell(one.first), _cell(one.last), _cell(one.stays), _cell(one.born))
        rows.append((str(number), epochs, f"{one.stage.lr:g}", *rates))
    titles = ("Stage", "Epochs", "lr", "At first", "At last", "Stay so", "Born")
    return Grid(titles, rows, STAGES_CAPTION)


def _exits(found: Dynamics) -> Grid:
    rows = [
        (
            f"exit {number}",
            _cell(one.right_at_end),
            _cell(one.never_right),
            _cell(one.learning_epoch, 1),
            _cell(one.forgetting, 1, 2),
            _cell(one.unforgettable),
        )
        for number, one in enumerate(found.exits, start=1)
    ]
    titles = ("", "Right at the end", "Never right", "Learned, epoch", "Forgotten, times", "Never forgotten")
    depth = ", ".join(f"{100 * share.value:.0f}% {number}" for number, share in enumerate(found.depth_E, start=1))
    depth_sentence = f" Prediction depth of the samples that the last exit gets right: {depth}." if depth else ""
    tie = found.depth_and_learning
    tie_sentence = (
        f" It correlates with when the last exit learned them by {interval(tie, 1, 2, signed=True, most=1)}."
        if tie
        else ""
    )
    return Grid(titles, rows, EXITS_CAPTION + depth_sentence + tie_sentence)


def _fates(found: Dynamics) -> Grid:
    rows = [
        (name, _cell(rate), *map(_cell, parts))
        for name, rate, parts in (
            ("any later", found.any_later, found.fates),
            ("final", found.final, found.final_fates),
        )
        if parts.never is not None
    ]
    other = found.once_right_errors
    beside = f" Of the last exit's other errors, {interval(other)} were once right." if other else ""
    titles = ("Overthinking", "At the end", "Was first, lost it", "Came after, lost it", "Never right")
    return Grid(titles, rows, FATES_CAPTION + beside)


def _order(order: LearningOrder | None) -> Grid:
    compared = () if order is None else _correlations(order)
    rows = [
        (text, interval(value, 1, 2, signed=True, most=2 if name == DIFFERENCE else 1))
        for name, text, value in compared
        if value is not None
    ]
    return Grid(("Learning order of", "Correlation"), rows, ORDER_CAPTION)


def _correlations(order: LearningOrder) -> tuple[tuple[str, str, Interval | None], ...]:
    return (
        ("exits", "two exits of one network", order.exits),
        ("exits_across", "two exits of two trainings (the null)", order.exits_across),
        (DIFFERENCE, "difference of these", order.difference),
        ("same_exit_across", "one exit in two trainings", order.same_exit_across),
    )


def _disorder(disorder: Disorder | None) -> Grid:
    if disorder is None:
        return Grid(("",), [])
    rows = [
        (f"exits differ {amount}", *(_part(*cell) for cell in zip(*row, strict=True)))
        for amount, row in zip(AMOUNTS, zip(disorder.rate, disorder.share, strict=True), strict=True)
    ]
    return Grid(("", *(f"trainings differ {amount}" for amount in AMOUNTS)), rows, DISORDER_CAPTION)


def _part(rate: float, share: float) -> str:
    return "-" if np.isnan(rate) else f"{100 * rate:.1f} ({100 * share:.0f}%)"


def _cell(found: Interval | None, factor: float = 100, digits: int = 1) -> str:
    return "-" if found is None else interval(found, factor, digits).replace(" ", "\n", 1)


class Record(NamedTuple):
    """One number: of a stage, an exit, a definition of overthinking or a comparison, in its own unit."""

    of: str
    number: str
    value: float
    low: float | None
    high: float | None


def records(found: Dynamics) -> list[Record]:
    """Return all numbers with intervals; shares as fractions."""
    return [Record(of, name, *value) for of, name, value in _numbers(found) if value is not None]


def _numbers(found: Dynamics) -> Iterator[tuple[str, str, Interval | None]]:
    for name, rate, parts in (("any_later", found.any_later, found.fates), ("final", found.final, found.final_fates)):
        yield name, "overthinking", rate
        yield from ((name, part, value) for part, value in zip(OfFates._fields, parts, strict=True))
    yield "other_errors", "once_right", found.once_right_errors
    for number, stage in enumerate(found.stages, start=1):
        yield from ((f"stage_{number}", name, getattr(stage, name)) for name in stage._fields[1:])
    for number, exit in enumerate(found.exits, start=1):
        yield from ((f"exit_{number}", name, value) for name, value in zip(exit._fields, exit, strict=True))
    for number, share in enumerate(found.depth_E, start=1):
        yield f"exit_{number}", "prediction_depth", share
    yield "prediction_depth", "correlation_with_learning_time", found.depth_and_learning
    if found.order is not None:
        yield from (("learning_order", name, value) for name, _, value in _correlations(found.order))


def as_csv(shown: Sequence[tuple[GroupDynamics, Dynamics]]) -> str:
    """Return a row for each number of each group."""
    return csv_text(
        ("group", *Record._fields), [(one.name, *record) for one, found in shown for record in records(found)]
    )


def as_plain(one: GroupDynamics, found: Dynamics) -> dict[str, Any]:
    """Return all of it as JSON types."""
    order, disorder = found.order, found.disorder
    return {
        "group": one.name,
        "run_id": one.run_id,
        "runs": [run.run_id for run in one.runs],
        "problems": list(one.problems),
        "split": found.split,
        "samples": found.samples,
        "same_samples": found.crossed,
        "held_fixed": list(one.fixed),
        "verdict": verdict(found),
        "numbers": [record._asdict() for record in records(found)],
        "stages": [stage.stage._asdict() for stage in found.stages],
        "moments": [moment._asdict() for moment in found.moments],
        "curves": {name: _rows(values) for name, values in found.curves._asdict().items()},
        "order_within": None if order is None else _rows(order.within_EE),
        "order_across": None if order is None or order.across_EE is None else _rows(order.across_EE),
        "disorder": None if disorder is None else {name: _rows(of) for name, of in disorder._asdict().items()},
    }


def _rows(values: FloatArray) -> Any:
    """Return an array as lists; what is not a number, as where there is no sample, becomes null."""
    return [_rows(row) for row in values] if values.ndim else None if np.isnan(values) else float(values)
