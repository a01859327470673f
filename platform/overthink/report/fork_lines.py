"""Forks of a study, joined by straight lines to their trunks: whether both have ended in one basin of the loss."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from overthink.predictions.arrays import FloatArray
from overthink.report.grids import Grid
from overthink.report.studies import Study
from overthink.report.study_table import interval
from overthink.report.undetermined import explained
from overthink.running.connectivity import Line, line_between
from overthink.running.run_data import RunData, splits_of
from overthink.running.stored_run import dataset_of, network_of
from overthink.statistics.jackknife import FEWEST, Interval, jackknife
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.study.arms import ALL_SOURCES
from overthink.study.fork_design import fork_epoch_of, fork_name_of

INDEPENDENT = "independent"
CAPTION = (
    "Along the straight line between the weights of two networks, the most by which the loss (nats) and the error "
    "(percent of test samples) of an exit exceed the line between their values at its ends; BatchNorm's statistics are "
    "those of the training images everywhere. Means over lines [95% intervals over trunks, from three on; none of "
    "lines from trunk to trunk, since two of them have a trunk in common]."
)


class Connected(NamedTuple):
    """Lines from trunks to a fork each, or from trunk to trunk."""

    arm: str
    shared: str
    """Epochs that the ends of a line share; of trunks, INDEPENDENT."""
    lines: int
    at_P: tuple[float, ...]
    loss_PE: FloatArray
    """Nats, at P points along the lines, mean over lines."""
    accuracy_PE: FloatArray
    loss_barriers: tuple[Interval, ...]
    """Of each exit."""
    error_barriers: tuple[Interval, ...]


def connected(
    store: ReadableStore, study: Study, data_root: Path | None, on_line: Callable[[str], None]
) -> list[Connected]:
    """Return the lines of a study's forks, by arm and epoch, and those of its trunks; `on_line` hears of each.

    Raises ValueError where the study has no forks, or images or networks are missing.
    """
    ends: dict[tuple[str, str], list[tuple[StoredRun, StoredRun]]] = {}
    for name, arm in study.arms.items():
        of = fork_name_of(name, study.arms)
        if of is not None and not arm.is_control and len(arm.runs) > 1:
            ends.setdefault((of, str(fork_epoch_of(name))), []).append((arm.runs[0], arm.runs[1]))
    if not ends:
        raise ValueError(f"{study.group.name}: --connectivity needs a study with forks (fork_at)")
    trunks = study.arms[ALL_SOURCES].runs if ALL_SOURCES in study.arms else ()
    if len(trunks) > 1:
        ends[ALL_SOURCES, INDEPENDENT] = list(pairwise(trunks))
    return [_mean(*of, list(_lines(store, pairs, data_root, on_line))) for of, pairs in ends.items()]


def _lines(
    store: ReadableStore,
    pairs: list[tuple[StoredRun, StoredRun]],
    data_root: Path | None,
    on_line: Callable[[str], None],
) -> Iterator[Line]:
    for one, other in pairs:
        on_line(f"From {one.name} to {other.name}.")
        first, second = (network_of(store, run.run_id, data_root) for run in (one, other))
        dataset = dataset_of(store, one, data_root)
        data = RunData(dataset, splits_of(dataset, first.definition), dataset.classes)
        train, test = (data.samples(name, torch.device("cpu")) for name in ("train", "test"))
        yield line_between(first.network, second.network, train, test)


def _mean(arm: str, shared: str, lines: list[Line]) -> Connected:
    intervals = _means if shared == INDEPENDENT or len(lines) < FEWEST else _intervals
    return Connected(
        arm,
        shared,
        len(lines),
        lines[0].at_P,
        np.mean([line.loss_PE for line in lines], axis=0),
        np.mean([line.accuracy_PE for line in lines], axis=0),
        intervals([line.loss_barriers for line in lines]),
        intervals([line.error_barriers for line in lines]),
    )


def _means(values: list[FloatArray]) -> tuple[Interval, ...]:
    return tuple(Interval(float(value), None, None) for value in np.mean(values, axis=0))


def _intervals(values: list[FloatArray]) -> tuple[Interval, ...]:
    value_LE = np.stack(values)
    without_LE = [np.delete(value_LE, left_out, axis=0).mean(axis=0) for left_out in range(len(values))]
    return tuple(
        jackknife(float(value_L.mean()), [float(without_E[exit]) for without_E in without_LE])
        for exit, value_L in enumerate(value_LE.T)
    )


def connected_grid(found: list[Connected]) -> Grid:
    """Return a row for each arm and epoch, with the barriers of every exit."""
    exits = range(1, len(found[0].loss_barriers) + 1)
    titles = (
        "Arm",
        "Epochs shared",
        "Lines",
        *(f"Loss, exit {e}" for e in exits),
        *(f"Error, exit {e}" for e in exits),
    )
    rows = [
        (
            one.arm,
            one.shared,
            str(one.lines),
            *(interval(barrier, factor=1, digits=3) for barrier in one.loss_barriers),
            *(interval(barrier) for barrier in one.error_barriers),
        )
        for one in found
    ]
    return explained(Grid(titles, rows, CAPTION))
