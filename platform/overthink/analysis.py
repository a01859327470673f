"""Analysing stored runs: from their predictions alone, what `run` did not compute yet; idempotent."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from overthink.inference.budget_file import to_json
from overthink.inference.budgeted import lookup_table
from overthink.metrics.catalogue import compute
from overthink.predictions import Predictions
from overthink.report.analysis_page import analysis_page
from overthink.report.budget_figures import Pair
from overthink.tracking import tags
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun
from overthink.tracking.writer import Writer

VERSION = "2"
"""Of what an analysis leaves behind; runs analysed by another one are analysed again."""


class Analysed(NamedTuple):
    """A run or group, and whether there was anything to do about it."""

    run: StoredRun
    new: bool


def analyse(store: Store, runs: Sequence[StoredRun], groups: Sequence[StoredRun]) -> Iterator[Analysed]:
    """Add what is missing to finished runs, then to groups of which any run was new; yield each as it is done.

    A group's page shows its runs among `runs`. Raises StoreError, or ValueError naming a file that cannot be read.
    """
    writer, fresh = Writer(store), set()
    for run in runs:
        new = run.tags.get(tags.ANALYSIS) != VERSION
        if new:
            _analyse_run(store, writer, run)
            fresh.add(run.tags.get(tags.GROUP_KEY))
        yield Analysed(run, new)
    for group in groups:
        members = [run for run in runs if run.tags.get(tags.GROUP_KEY) == group.tags.get(tags.GROUP_KEY)]
        stamp = f"{VERSION} {' '.join(sorted(run.run_id for run in members))}"
        new = bool(members) and (group.tags.get(tags.ANALYSIS) != stamp or group.tags.get(tags.GROUP_KEY) in fresh)
        if new:
            page = analysis_page(f"{group.name} (n = {len(members)})", [*_pairs(store, members)])
            writer.text(group.run_id, tags.ANALYSIS_PAGE, page)
            writer.log(group.run_id, run_tags={tags.ANALYSIS: stamp})
        yield Analysed(group, new)


def _analyse_run(store: Store, writer: Writer, run: StoredRun) -> None:
    (pair,) = _pairs(store, [run])
    validation, test = pair
    values = {"val": compute(validation), "test": compute(test, validation)}
    metrics = {f"{split}/{name}": value for split, found in values.items() for name, value in found.items()}
    missing = {name: value for name, value in metrics.items() if name not in run.metrics}
    if missing:
        step = max(writer.logged_steps(run.run_id, "test/accuracy/last"), default=0)
        writer.log(run.run_id, missing, step)
    writer.text(run.run_id, tags.BUDGETS_FILE, to_json(lookup_table(validation)))
    writer.text(run.run_id, tags.ANALYSIS_PAGE, analysis_page(run.name, [pair]))
    writer.log(run.run_id, run_tags={tags.ANALYSIS: VERSION})


def _pairs(store: Store, runs: Iterable[StoredRun]) -> Iterator[Pair]:
    for run in runs:
        with TemporaryDirectory() as folder:
            validation, test = (
                Predictions.read(store.artifact(run.run_id, f"predictions/{split}.parquet", Path(folder)))
                for split in ("val", "test")
            )
        yield validation, test
