"""Analysis of stored runs: metrics, lookup tables and figures that `run` has not stored, from predictions alone."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from overthink.comparison.arms import primary_arm, runs_of_primary_arm
from overthink.inference.budget_file import criteria_of, to_json
from overthink.inference.budgeted import lookup_table
from overthink.metrics.catalogue import compute
from overthink.predictions.predictions import Predictions
from overthink.report.analysis_page import Known, analysis_figures, analysis_page
from overthink.report.group_predictions import group_predictions
from overthink.report.pages import Captioned
from overthink.report.run_page import prediction_figures
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.unreadable import UnreadableRunError
from overthink.store.writer import Writer
from overthink.untrusted import reason

PAIR = "val", "test"


class Analysed(NamedTuple):
    """A run or group, and whether something was added to it."""

    run: StoredRun
    new: bool
    problems: tuple[str, ...] = ()
    """What cannot be read, of it or its runs, and was left out: a sentence each."""


def analyse(store: Store, runs: Sequence[StoredRun], groups: Sequence[StoredRun]) -> Iterator[Analysed]:
    """Add missing results to finished runs, then to groups with a run that has new ones; yield each when done.

    Idempotent. A group's page shows its runs among `runs`, a study's those of its primary arm. What of a run or group
    cannot be read is told with it, and the next one follows. Raises StoreError where the store does not answer.
    """
    writer, changed = Writer(store), set()
    for run in runs:
        known, problems = _known(store, [run]) if run.analysis != tags.ANALYSIS_VERSION else ([], [])
        try:
            for one in known:
                _analyse_run(writer, run, one)
                changed.add(run.group_key)
            yield Analysed(run, bool(known), tuple(problems))
        except ValueError as error:
            yield Analysed(run, False, (_sentence(run, error),))
    for group in groups:
        yield _analyse_group(store, writer, group, runs_of_primary_arm(group, runs), changed)


def _sentence(run: StoredRun, error: ValueError) -> str:
    return str(error) if isinstance(error, UnreadableRunError) else f"run {run.run_id[:8]}: {reason(error)}"


def _analyse_group(
    store: Store, writer: Writer, group: StoredRun, shown: Sequence[StoredRun], changed: Collection[str]
) -> Analysed:
    stamp = f"{tags.ANALYSIS_VERSION} {' '.join(sorted(run.run_id for run in shown))}"
    if not shown or (group.analysis == stamp and group.group_key not in changed):
        return Analysed(group, False)
    pairs, problems = _known(store, shown)
    if not pairs:
        return Analysed(group, False, tuple(problems))
    arm = f" / {primary_arm(group)}" if group.arms else ""
    try:
        page = analysis_page(f"{group.name}{arm} (n = {len(pairs)})", pairs)
        writer.linked_page(group.run_id, tags.ANALYSIS_PAGE, page)
    except ValueError as error:
        return Analysed(group, False, (*problems, f"{group.name}: {reason(error)}"))
    if not problems:  # else it is tried again: what cannot be read now may be mended
        writer.log(group.run_id, run_tags={tags.ANALYSIS: stamp})
    return Analysed(group, True, tuple(problems))


class Figures(NamedTuple):
    """The figures of some runs, and a sentence for each run that is not in them since it cannot be read."""

    shown: list[Captioned]
    problems: list[str]


def figures_of(store: Store, runs: Sequence[StoredRun]) -> Figures:
    """Return the figures of one run, or of several with different seeds, that predictions alone can show."""
    pairs, problems = _known(store, runs)
    if not pairs:
        return Figures([], problems)
    return Figures([*prediction_figures([test for _, test in pairs]), *analysis_figures(pairs)], problems)


def _analyse_run(writer: Writer, run: StoredRun, pair: Known) -> None:
    validation, test = pair
    values = {"test": compute(test, validation)} | ({} if validation is None else {"val": compute(validation)})
    metrics = {f"{split}/{name}": value for split, found in values.items() for name, value in found.items()}
    missing = {name: value for name, value in metrics.items() if name not in run.metrics}
    if missing:
        step = max(writer.logged_steps(run.run_id, "test/accuracy/last"), default=0)
        writer.log(run.run_id, missing, step)
    if validation is not None:
        _store_tables(writer, run, validation)
    writer.linked_page(run.run_id, tags.ANALYSIS_PAGE, analysis_page(run.name, [pair]))
    writer.log(run.run_id, run_tags={tags.ANALYSIS: tags.ANALYSIS_VERSION})


def _store_tables(writer: Writer, run: StoredRun, validation: Predictions) -> None:
    for criterion in criteria_of(validation):
        text = to_json(lookup_table(validation, criterion))
        writer.text(run.run_id, tags.BUDGETS_FILE.format(criterion=criterion), text)


def _known(store: Store, runs: Sequence[StoredRun]) -> tuple[list[Known], list[str]]:
    """Return validation, where all have stored such, and test predictions of runs, and a sentence for each unread one.

    A mean over some runs' thresholds beside the accuracy of all would mix different runs.
    """
    if all(run.has_validation for run in runs):
        both = group_predictions(store, runs, PAIR)
        return [(validation, test) for validation, test in both.values], both.problems
    tests = group_predictions(store, runs)
    return [(None, test) for (test,) in tests.values], tests.problems
