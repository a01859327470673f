"""Groups of a store side by side: an overlay of the predictions of their runs, under the names that tables show."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from overthink.comparison.by_name import without_changes
from overthink.comparison.overthinking import Row
from overthink.report.averages import held_fixed_sentence, seed_line
from overthink.report.csv_text import csv_text
from overthink.report.figures.groups import HEADINGS, KINDS, Overlay, as_rows, overlay
from overthink.report.figures.training import course_overlay, fork_overlay
from overthink.report.group_predictions import group_predictions
from overthink.report.studies import forks_of_study, read_study, study_of
from overthink.store.readable import Readable, of_each
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.study.forks import ForkArm

T = TypeVar("T")
COURSE, FORKS = "course", "forks"
"""Kinds of overlays over the epochs of a training; the others are of predictions (`KINDS`)."""


class GroupOverlay(NamedTuple):
    """An overlay of the rows whose predictions could be read."""

    info: Overlay | None
    """None where none could."""
    problems: list[str]
    """A sentence for each run that is left out."""


def overlay_of(store: ReadableStore, kind: str, rows: Sequence[Row], runs: Sequence[StoredRun]) -> GroupOverlay:
    """Return the overlay of rows of the overthinking table, whose runs are among `runs`; in the order of rows.

    Raises ValueError where groups have costs in different units, or predictions or courses lack what is needed.
    """
    by_id = {run.run_id: run for run in runs}
    members = {
        name: [by_id[run_id] for run_id in row.run_ids] for name, row in zip(legend_names(rows), rows, strict=True)
    }
    if kind == COURSE:
        if not any(run.records for some in members.values() for run in some):
            raise ValueError("course: none is recorded; to record one, put record: {samples: val} into the definition")
        courses, problems = _read(members, lambda some: of_each(some, lambda run: store.course(run.run_id)))
        return GroupOverlay(_of_rows(course_overlay(courses), rows) if courses else None, problems)
    splits = KINDS[kind].splits
    groups, problems = _read(members, lambda some: group_predictions(store, some, splits))
    return GroupOverlay(_of_rows(overlay(kind, groups), rows) if groups else None, problems)


def _of_rows(info: Overlay, rows: Sequence[Row]) -> Overlay:
    fixed = {name: row.fixed for name, row in zip(legend_names(rows), rows, strict=True) if name in info.groups}
    return info._replace(not_covered=held_fixed_sentence(fixed))


def _read(
    members: Mapping[str, Sequence[StoredRun]], read: Callable[[Sequence[StoredRun]], Readable[T]]
) -> tuple[dict[str, list[T]], list[str]]:
    """Return what could be read of each group that has any, and a sentence for each run that is left out."""
    found = {name: read(some) for name, some in members.items()}
    problems = [problem for one in found.values() for problem in one.problems]
    return {name: one.values for name, one in found.items() if one.values}, problems


def fork_overlay_of(store: ReadableStore, runs: Sequence[StoredRun]) -> GroupOverlay:
    """Return the overlay of the studies of forks among `runs`: a group for each arm and fact.

    Raises ValueError where there are none.
    """
    studies = [study_of(group, runs) for group in runs if group.is_group and group.arms]
    arms: dict[str, ForkArm] = {}
    problems: list[str] = []
    for one in studies:
        read = read_study(store, one)
        found = forks_of_study(read.study, read.tests)
        arms |= {name if len(studies) == 1 else f"{one.group.name}, {name}": arm for name, arm in found.items()}
        problems += read.problems
        if one.missing:
            problems.append(f"{one.group.name}: {one.missing} of its runs are missing or unfinished")
    if not arms:
        raise ValueError("forks: no study of forks (fork_at) has two finished runs at each of its epochs")
    return GroupOverlay(fork_overlay(arms), problems)


def legend_names(rows: Sequence[Row]) -> list[str]:
    """Return the names of rows without what all have in common: their definition, and what `--set` changed.

    As `compare` shows them below the name of the definition, and as it finds them; a run alone with its seeds.
    """
    names = [row.short_name if len({row.definition for row in rows}) == 1 else row.group for row in rows]
    shorter = [without_changes(name) for name in names]
    distinct = shorter if len({*shorter}) == len(shorter) else names
    return [" ".join((name, *seed_line(row))) for name, row in zip(distinct, rows, strict=True)]


def as_csv(info: Overlay) -> str:
    """Return the numbers of an overlay, a row a point."""
    titles = [info.unit or info.x_title if heading == "x" else heading for heading in HEADINGS]
    return csv_text(titles, as_rows(info))
