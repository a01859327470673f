"""The report of an experiment, from the store alone: tables, figures, verdicts, provenance, command to repeat."""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from overthink.comparison.arms import runs_of_group
from overthink.comparison.intervals import with_intervals
from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.definition.errors import DefinitionError
from overthink.predictions.correctness import same_samples
from overthink.report.chosen_table import in_order
from overthink.report.experiment_summary import experiment_summary
from overthink.report.grids import Grid
from overthink.report.grids import as_html as grid_html
from overthink.report.group_predictions import group_predictions
from overthink.report.pages import Section
from overthink.report.policy_group import on_test_data, with_ceiling
from overthink.report.policy_page import policy_figures, policy_intro
from overthink.report.policy_table import POLICY
from overthink.report.run_page import SPREAD, prediction_figures, with_equal_axes
from overthink.report.run_results import stored_evidence
from overthink.report.studies import (
    Study,
    StudyError,
    findings_by_arm,
    read_study,
    shares_of_study,
    study_of,
)
from overthink.report.study_page import study_sections
from overthink.report.table_files import as_html
from overthink.report.tables import OVERTHINKING, Layout
from overthink.running.provenance import attempts_of
from overthink.running.stored_run import definition_of
from overthink.sentences import cut
from overthink.statistics.estimate import Over
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.correctness import CorrectnessReader
from overthink.store.readable import OF_ONE_RUN, of_each
from overthink.store.stored import StoredRun, finished_per_key
from overthink.store.unreadable import named, problems_of, reading
from overthink.untrusted import reason

OTHER_SAMPLES = (
    "These runs were not tested on the same samples: the means over runs in these figures mix runs that differ in more "
    "than their seed."
)


LONGEST_LISTED = 2000
"""Characters of a part of the provenance."""


class NoBaselineError(DefinitionError):
    """The baseline of the differences is not exactly one row of an experiment."""


class ShownTable(NamedTuple):
    """How the table of multi-exit networks is shown."""

    by: str = "variant"
    """What rows are grouped by: a part of definitions, or a parameter."""
    layout: Layout = OVERTHINKING
    order: str | None = None
    """What rows are sorted by, `-` before it for descending; by their first runs where it is None."""

    @property
    def is_usual(self) -> bool:
        """Whether its rows are those that the sentences and figures of the page are of."""
        return self.by == "variant" and self.layout is OVERTHINKING

    def rows(self, runs: Sequence[StoredRun]) -> list[Row]:
        """Return the rows of runs."""
        rows = overthinking_rows(runs, self.by, self.layout.metrics)
        return rows if self.order is None else in_order(rows, self.order)


OF_POLICIES = ShownTable(layout=POLICY)


class ExperimentReport(NamedTuple):
    """Sections of a page about one experiment, and the groups shown in them."""

    title: str
    sections: list[Section]
    groups: list[StoredRun]
    missing: bool
    """Whether some runs have not finished, or are left out of what could be read."""
    problems: list[str]
    """A sentence for each run that holds what cannot be read, and for each group that cannot be shown."""


def report_on(
    store: Store,
    name: str,
    runs: Sequence[StoredRun],
    against: str | None,
    command: str,
    margin: float | None = None,
    over: Over = "both",
    shown: ShownTable = ShownTable(),  # noqa: B008 - it is frozen
) -> ExperimentReport:
    """Return the sections of one experiment's runs and groups; intervals hold for `over`, and `command` repeats them.

    `margin` is the largest difference to the baseline, a fraction, that counts as equal; `shown` is how the table of
    multi-exit networks is.

    Raises NoBaselineError where `against` does not name one row, ValueError where a file cannot be read.
    """
    sections, missing, left_out = [], False, list[str]()
    runs = [_with_ceiling(store, run, runs, left_out) if run.is_group and run.is_policy else run for run in runs]
    groups = sorted((run for run in runs if run.is_group), key=lambda run: run.started_ms)
    for policies in (False, True):
        some = [run for run in runs if run.is_policy == policies]
        table = OF_POLICIES if policies else shown
        rows = table.rows(some)
        if against is not None and rows and not policies:
            rows = _with_differences(name, rows, against, margin, table.layout.compared)
        rows = with_intervals(rows, over, CorrectnessReader(store.uri))
        if rows:
            missing = missing or any(row.gaps for row in rows)
            provenance = _provenance_grid(store, some, left_out)
            kind = "policy networks" if policies else "multi-exit networks"
            heading = f"{name}: {kind}"
            if not policies:
                usual = (
                    rows
                    if table.is_usual
                    else with_intervals(ShownTable().rows(some), over, CorrectnessReader(store.uri))
                )
                sections.append(experiment_summary(store, heading, usual, some, left_out))
            unfinished = [] if provenance else ["No run has finished yet."]
            sections.append(Section(heading if policies else "", unfinished, command, [as_html(rows, table.layout)]))
            behind = [grid_html(grid) for grid in (_run_ids_grid(rows), *provenance)]
            sections.append(Section("Versions, machine and runs", tables=behind, is_folded=True))
    of_networks = []
    for group in groups:
        of_group, problems = _group_sections(store, group, runs)
        sections += of_group
        left_out += problems
        if not group.arms and not group.is_policy:
            of_networks += [section.figures for section in of_group if section.figures]
    with_equal_axes(of_networks)
    problems = list(dict.fromkeys([*problems_of(runs), *left_out]))
    if problems:
        sections.append(Section(f"{name}: what cannot be read", named(problems)))
    return ExperimentReport(name, sections, groups, missing or bool(left_out), problems)


def _with_ceiling(store: Store, group: StoredRun, runs: Sequence[StoredRun], problems: list[str]) -> StoredRun:
    try:
        return with_ceiling(store, group, runs)
    except ValueError as error:
        problems.append(f"{group.name}: {reason(error)}")
        return group


def _with_differences(
    name: str, rows: Sequence[Row], against: str, margin: float | None, metrics: Collection[str]
) -> list[Row]:
    try:
        return with_differences(rows, against, metrics, margin)
    except ValueError as error:
        raise NoBaselineError(f"{name}: {error}") from error


def _run_ids_grid(rows: Sequence[Row]) -> Grid:
    cells = []
    for row in rows:
        runs = [*zip(row.finished, row.run_ids, strict=True), *row.repeats.items()]
        cells.append((row.group, ", ".join(f"{run_id[:8]} ({seed})" for seed, run_id in runs)))
    return Grid(("Group", "MLflow runs behind its numbers (seeds)"), cells)


def _provenance_grid(store: Store, runs: Sequence[StoredRun], problems: list[str]) -> list[Grid]:
    """Return a table of code, versions, machine and settings of the newest finished run of which they can be read."""
    finished = [run for run in runs if not run.is_group and run.is_finished]
    for newest in sorted(finished, key=lambda run: -run.started_ms):
        try:
            text = store.text(newest.run_id, tags.PROVENANCE_FILE)
            with reading(newest.run_id, tags.PROVENANCE_FILE):
                made = (attempts_of(text) or [{}])[-1]
        except OF_ONE_RUN as error:
            problems.append(str(error))
            continue
        cells = [
            (key, _listed(made[key]))
            for key in ("imported", "cascade", "git", "versions", "machine", "settings")
            if made.get(key)
        ]
        return [Grid(("", f"Provenance of the newest of {len(finished)} finished runs ({newest.run_id[:8]})"), cells)]
    return []


def _listed(value: Any) -> str:
    listed = [f"{key} {inner}" for key, inner in value.items()] if isinstance(value, dict) else [json.dumps(value)]
    return cut(", ".join(listed), LONGEST_LISTED)


def _group_sections(store: Store, group: StoredRun, runs: Sequence[StoredRun]) -> tuple[list[Section], list[str]]:
    """Return the sections of a group, and what of it cannot be shown: of this group alone, others are."""
    finished = finished_per_key(runs_of_group(group, runs))
    problems: list[str] = []
    try:
        if group.arms:
            return _study_sections(store, study_of(group, runs), problems), problems
        if not finished:
            return [], problems
        if group.is_policy:
            return _policy_sections(store, group, finished, problems), problems
        return _network_sections(store, group, finished, problems), problems
    except StudyError as error:
        return [Section(group.name, [str(error)])], problems
    except ValueError as error:
        return [], [*problems, f"{group.name}: {reason(error)}"]


def _network_sections(
    store: Store, group: StoredRun, finished: Sequence[StoredRun], problems: list[str]
) -> list[Section]:
    read = group_predictions(store, finished)
    problems += read.problems
    if not read.values:
        return []
    tests = [test for (test,) in read.values]
    alike = all(same_samples(test, tests[0]) for test in tests)
    samples = f"{len(tests[0].ids_N):,} test samples." if alike else OTHER_SAMPLES
    spread = f" {SPREAD}" if len(tests) > 1 else ""
    return [Section(f"{group.name} (n = {len(tests)})", [samples + spread], figures=prediction_figures(tests))]


def _study_sections(store: Store, study: Study, problems: list[str]) -> list[Section]:
    read = read_study(store, study)
    problems += read.problems
    found = findings_by_arm(read.study, read.tests, read.validations)
    if not found:
        return []
    shares = shares_of_study(read.study, read.tests)
    return study_sections(found, shares, warning=study.kernels_warning)


def _policy_sections(
    store: Store, group: StoredRun, finished: Sequence[StoredRun], problems: list[str]
) -> list[Section]:
    read = of_each(finished, lambda run: stored_evidence(store, run, definition_of(store, run.run_id)))
    problems += read.problems
    if not read.values:
        return []
    ceiling, title = on_test_data(group.metrics), f"{group.name} (n = {len(read.values)})"
    return [Section(title, [policy_intro(read.values, ceiling)], figures=policy_figures(read.values, ceiling))]
