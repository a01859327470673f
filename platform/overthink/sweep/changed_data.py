"""Whether the data of a sweep's trials are still what they were trained on."""

from collections.abc import Iterator
from pathlib import Path

from overthink.launching.changed_data import changed_data_of_trials
from overthink.store import tags
from overthink.store.finding import find_runs
from overthink.store.readable_store import ReadableStore
from overthink.sweep.definition import LoadedSweep


def changed_data(loaded: LoadedSweep, store: ReadableStore, data_root: Path | None) -> Iterator[str]:
    """Yield a sentence where trials of earlier calls were trained on other data; new ones are compared with them."""
    if any(name.startswith("dataset") for name in loaded.sweep.space):
        return
    groups = {run.run_id for run in find_runs(store, kind=tags.KIND_GROUP, sweep=loaded.study_name)}
    runs = [run for run in find_runs(store, kind=tags.KIND_RUN) if run.group_id in groups] if groups else []
    yield from changed_data_of_trials(loaded.sweep.name, runs, loaded.base.dataset, data_root)
