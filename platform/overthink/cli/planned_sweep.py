"""What a sweep has done and what it would do: its results so far, its obstacles, its dry run."""

import json
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_json
from overthink.report.safe_text import print_text
from overthink.sentences import number_of
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.launching.outcomes import Options
    from overthink.store.readable_store import ReadableStore
    from overthink.sweep.definition import LoadedSweep
    from overthink.sweep.results import Results
    from overthink.sweep.trials_needed import TrialsNeeded


def results_so_far(loaded: "LoadedSweep", uri: str) -> "tuple[LoadedSweep, Results]":
    """Return a sweep by the kernels it was begun with, and its results so far, without creating storage or study."""
    from overthink.store.uri import database_file
    from overthink.sweep.kernels import as_begun
    from overthink.sweep.results import Results, results_of
    from overthink.sweep.storage import opened
    from overthink.sweep.study import existing

    file = database_file(uri)
    if file is not None and not file.exists():
        return loaded, Results((), ())
    with opened(uri) as storage:
        loaded = as_begun(loaded, storage)
        study = existing(storage, loaded)
        return loaded, results_of(loaded, study) if study is not None else Results((), ())


def sweep_obstacles(loaded: "LoadedSweep", uri: str, how: "Options") -> list[str]:
    """Return why trials that are still to do cannot be trained here."""
    from overthink.launching.preflight import Needed, machine_obstacles
    from overthink.store.uri import tracking_uri
    from overthink.sweep.results import trials_left

    if not (loaded.sweep.trains or loaded.sweep.needs_labels):
        return []
    varied = any(name.startswith("dataset") for name in loaded.sweep.space)
    needed = [] if varied else [Needed(loaded.sweep.name, "", loaded.base.dataset)]
    found = machine_obstacles(needed, how, tracking_uri())
    return found if found and trials_left(loaded, results_so_far(loaded, uri)[1]) else []


def _with_kernels(loaded: "LoadedSweep", uri: str, how: "Options", store: "ReadableStore") -> "LoadedSweep":
    """Return a sweep by the kernels that it would be begun with, which name its study, without creating anything."""
    from overthink.launching.kernels_choice import KernelsChoice
    from overthink.store.uri import database_file
    from overthink.sweep.kernels import with_kernels
    from overthink.sweep.storage import opened

    file, choice = database_file(uri), KernelsChoice(how, store, partial(print_text, log()))
    with opened(uri) if file is None or file.exists() else nullcontext() as storage:
        return with_kernels(loaded, storage, choice)


def _needed(loaded: "LoadedSweep", found: "Results", store: "ReadableStore", how: "Options") -> "TrialsNeeded | None":
    """Return an estimate for the trials that are left, without creating anything."""
    from overthink.store.uri import tracking_uri
    from overthink.sweep.results import trials_left
    from overthink.sweep.trials_needed import trials_needed

    say = partial(print_text, log())
    return trials_needed(loaded, trials_left(loaded, found), store, tracking_uri(), how, say)


def show_plan(loaded: "LoadedSweep", uri: str, how: "Options", as_json: bool) -> int:
    """Show what a sweep would do, without doing it; return the exit code."""
    from overthink.cli.preflight import note, would_be_done
    from overthink.launching.estimating.disk_needed import lacking_room
    from overthink.store.local_store import store_to_read
    from overthink.store.uri import tracking_uri

    (loaded, found), console, store = results_so_far(loaded, uri), log(), store_to_read()
    loaded = _with_kernels(loaded, uri, how, store)
    running = found.counts.get(tags.RUNNING, 0)
    left = max(loaded.sweep.wanted - sum(found.counts.values()), 0)
    possible = not note(sweep_obstacles(loaded, uri, how))
    needed = _needed(loaded, found, store, how) if how.estimate else None
    if as_json:
        counts = {"trials": found.counts, "to_begin": left, "to_go_on_with": running}
        estimated = {"estimated_seconds": needed.seconds} if needed is not None else {}
        print_json({"study": loaded.study_name, **counts, **estimated})
        return OK
    print_text(console, f"{loaded.study_name}: {found.counted}.")
    for path, parameter in loaded.sweep.space.items():
        plain = parameter.model_dump(mode="json", exclude_defaults=True)
        shown = {"choice": list(parameter.grid)} if "choice" in plain else plain
        print_text(console, f"  {path}: {json.dumps(shown)}")
    if needed is not None:
        for sentence in needed.sentences:
            print_text(console, sentence)
        possible = not note(lacking_room(needed.disk, tracking_uri())) and possible
    console.print(would_be_done(number_of(left, "trial"), "started", possible), soft_wrap=True)
    return OK
