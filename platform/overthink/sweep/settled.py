"""Sweeps that have nothing to do, told from SQLite files without MLflow and torch, whose import takes seconds.

Whatever is not plainly finished and in order (trials to begin or to go on with, results to upload, a changed
description, other kernels) is left to the usual way, which brings it in order.
"""

from pathlib import Path
from typing import NamedTuple

from overthink.launching.outcomes import Options
from overthink.launching.settled import is_presented
from overthink.outbox.pending import is_anything_left
from overthink.report.ui_views import columns_of
from overthink.settings import check_settings, default_kernels
from overthink.store import sqlite_reader, tags
from overthink.store.raw_run import RawRun
from overthink.store.uri import database_file
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.kernels import as_begun
from overthink.sweep.results import Results, results_of, trials_left
from overthink.sweep.storage import opened
from overthink.sweep.study import existing


class SettledSweep(NamedTuple):
    """A sweep that has all its trials, as it is in its storage and in the store."""

    loaded: LoadedSweep
    """By the kernels that trained it."""
    results: Results
    experiment_id: str
    view: str
    """Key of the view that its experiment opens with."""


def settled_sweep(loaded: LoadedSweep, storage_uri: str, options: Options, uri: str) -> SettledSweep | None:
    """Return a sweep if all its trials have ended, and nothing else is left to do; None otherwise."""
    database, file = database_file(uri), database_file(storage_uri)
    if options.engine != "local" or options.estimate or database is None or file is None:
        return None
    if not database.exists() or not file.exists() or loaded.base.policy is not None or is_anything_left():
        return None  # a policy network's main network may be unfinished
    check_settings(options.data_root)
    with opened(storage_uri) as storage:
        loaded = as_begun(loaded, storage)
        study = existing(storage, loaded)
        found = results_of(loaded, study) if study is not None else Results((), ())
    asked = default_kernels() if options.kernels == "auto" else options.kernels
    if not found.trials or trials_left(loaded, found) or asked not in ("auto", loaded.base.kernels):
        return None
    own = _own_run(loaded, database)
    if own is None or not own.parsed().is_finished or _counts(own) != found.counts:
        return None
    of_experiment = sqlite_reader.experiment_tags(database).get(own.experiment_id, {})
    if not is_presented(of_experiment, loaded.sweep.description, columns_of(loaded.base, loaded.sweep.goals)):
        return None
    return SettledSweep(loaded, found, own.experiment_id, of_experiment[tags.VIEWS].split()[0])


def _own_run(loaded: LoadedSweep, database: Path) -> RawRun | None:
    """Return the sweep's own run; None where there is none, or more than one."""
    found = sqlite_reader.tagged(database, {tags.SWEEP: loaded.study_name}) or []
    own = [run for run in found if tags.TRIAL not in run.tags]
    return own[0] if len(own) == 1 else None


def _counts(own: RawRun) -> dict[str, int]:
    """Return the number of trials of each outcome, as the page was made from them."""
    prefix = tags.named("trials_")
    counted = {name.removeprefix(prefix): text for name, text in own.tags.items() if name.startswith(prefix)}
    return {state: int(text) for state, text in counted.items() if text.isascii() and text.isdecimal()}
