"""The table of a study's forks: a row for each epoch at which they leave their trunks."""

from collections.abc import Mapping

from overthink.report.grids import Grid
from overthink.report.study_table import interval
from overthink.report.undetermined import explained
from overthink.statistics.jackknife import Interval
from overthink.study.forks import AtEpoch, ForkArm

TITLES = (
    "Arm",
    "Epochs shared",
    "Answers differ, last exit",
    "Any later: differ",
    "Decided",
    "Any later: rate",
    "Final: differ",
    "Decided",
    "Final: rate",
)
CAPTION = (
    "Percent of test samples. Differ: in one of two trainings that share these epochs, and not in the other one. "
    "Decided: 100 minus that over what independent trainings differ in. [95% intervals over trunks and test samples, "
    "from three trunks on.]"
)


def fork_grids(arms: Mapping[str, ForkArm]) -> list[Grid]:
    """Return the table; none without forks."""
    rows = [row for name, arm in arms.items() for row in _rows(name, arm)]
    return [explained(Grid(TITLES, rows, CAPTION))] if rows else []


def _rows(name: str, arm: ForkArm) -> list[tuple[str, ...]]:
    rows = [(name, str(at.epoch), *_cells(at)) for at in arm.epochs]
    return rows if arm.independent is None else [*rows, (name, "independent", *_cells(arm.independent))]


def _cells(at: AtEpoch) -> tuple[str, ...]:
    answers, any_later, final = at.answers_E[-1], at.any_later, at.final
    return (
        interval(answers.differ),
        interval(any_later.differ),
        _share(any_later.decided),
        interval(at.any_later_rate),
        interval(final.differ),
        _share(final.decided),
        interval(at.final_rate),
    )


def _share(found: Interval | None) -> str:
    return "-" if found is None else interval(found, digits=0)
