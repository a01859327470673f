"""Analysing stored runs: from their predictions alone, what `run` did not compute yet; idempotent."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from overthink.comparison.arms import runs_of_group
from overthink.inference.budget_file import to_json
from overthink.inference.budgeted import lookup_table
from overthink.inference.confidence import CRITERIA
from overthink.metrics.catalogue import compute
from overthink.report.analysis_page import analysis_figures, analysis_page
from overthink.report.budget_figures import Pair
from overthink.report.pages import Captioned
from overthink.report.run_page import prediction_figures
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer


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
        new = run.tags.get(tags.ANALYSIS) != tags.ANALYSIS_VERSION
        if new:
            _analyse_run(store, writer, run)
            fresh.add(run.tags.get(tags.GROUP_KEY))
        yield Analysed(run, new)
    for group in groups:
        shown = runs_of_group(group, runs)
        stamp = f"{tags.ANALYSIS_VERSION} {' '.join(sorted(run.run_id for run in shown))}"
        new = bool(shown) and (group.tags.get(tags.ANALYSIS) != stamp or group.tags.get(tags.GROUP_KEY) in fresh)
        if new:
            page = analysis_page(f"{group.name} (n = {len(shown)})", [*_pairs(store, shown)])
            writer.text(group.run_id, tags.ANALYSIS_PAGE, page)
            writer.log(group.run_id, run_tags={tags.ANALYSIS: stamp})
        yield Analysed(group, new)


def figures_of(store: Store, runs: Sequence[StoredRun]) -> list[Captioned]:
    """Return the figures of one run, or of several with different seeds, that predictions alone can show."""
    pairs = list(_pairs(store, runs))
    return [*prediction_figures([test for _, test in pairs]), *analysis_figures(pairs)]


def _analyse_run(store: Store, writer: Writer, run: StoredRun) -> None:
    (pair,) = _pairs(store, [run])
    validation, test = pair
    values = {"val": compute(validation), "test": compute(test, validation)}
    metrics = {f"{split}/{name}": value for split, found in values.items() for name, value in found.items()}
    missing = {name: value for name, value in metrics.items() if name not in run.metrics}
    if missing:
        step = max(writer.logged_steps(run.run_id, "test/accuracy/last"), default=0)
        writer.log(run.run_id, missing, step)
    for criterion in CRITERIA:
        text = to_json(lookup_table(validation, criterion))
        writer.text(run.run_id, tags.BUDGETS_FILE.format(criterion=criterion), text)
    writer.text(run.run_id, tags.ANALYSIS_PAGE, analysis_page(run.name, [pair]))
    writer.log(run.run_id, run_tags={tags.ANALYSIS: tags.ANALYSIS_VERSION})


def _pairs(store: Store, runs: Iterable[StoredRun]) -> Iterator[Pair]:
    for run in runs:
        yield store.predictions(run.run_id, "val"), store.predictions(run.run_id, "test")
