"""Analysis of stored runs: metrics, lookup tables and figures that `run` has not stored, from predictions alone."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overthink.comparison.arms import primary_arm, runs_of_primary_arm
from overthink.inference.budget_file import to_json
from overthink.inference.budgeted import lookup_table
from overthink.inference.confidence import CRITERIA
from overthink.metrics.catalogue import compute
from overthink.report.analysis_page import analysis_figures, analysis_page
from overthink.report.figures.budget_curves import Pair
from overthink.report.pages import Captioned
from overthink.report.run_page import prediction_figures
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer


class Analysed(NamedTuple):
    """A run or group, and whether something was added to it."""

    run: StoredRun
    new: bool


def analyse(store: Store, runs: Sequence[StoredRun], groups: Sequence[StoredRun]) -> Iterator[Analysed]:
    """Add missing results to finished runs, then to groups with a run that has new ones; yield each when done.

    Idempotent. A group's page shows its runs among `runs`, a study's those of its primary arm. Raises StoreError, or
    ValueError naming a file.
    """
    writer, changed = Writer(store), set()
    for run in runs:
        new = run.analysis != tags.ANALYSIS_VERSION
        if new:
            _analyse_run(store, writer, run)
            changed.add(run.group_key)
        yield Analysed(run, new)
    for group in groups:
        shown = runs_of_primary_arm(group, runs)
        stamp = f"{tags.ANALYSIS_VERSION} {' '.join(sorted(run.run_id for run in shown))}"
        new = bool(shown) and (group.analysis != stamp or group.group_key in changed)
        if new:
            arm = f" / {primary_arm(group)}" if group.arms else ""
            page = analysis_page(f"{group.name}{arm} (n = {len(shown)})", _pairs(store, shown))
            writer.text(group.run_id, tags.ANALYSIS_PAGE, page)
            writer.log(group.run_id, run_tags={tags.ANALYSIS: stamp})
        yield Analysed(group, new)


def figures_of(store: Store, runs: Sequence[StoredRun]) -> list[Captioned]:
    """Return the figures of one run, or of several with different seeds, that predictions alone can show."""
    pairs = _pairs(store, runs)
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


def _pairs(store: Store, runs: Sequence[StoredRun]) -> list[Pair]:
    """Return the validation and test predictions of runs."""
    return [(store.predictions(run.run_id, "val"), store.predictions(run.run_id, "test")) for run in runs]
