"""A report of experiments from the store alone: tables, figures, verdicts, where they come from, how to repeat them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from overthink.comparison.arms import runs_of_group
from overthink.comparison.over_samples import INDICATORS, over_samples
from overthink.comparison.overthinking import COLUMNS, Row, overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import parse_run
from overthink.predictions.predictions import Predictions
from overthink.report.grids import Grid
from overthink.report.grids import as_html as grid_html
from overthink.report.pages import Captioned, Section
from overthink.report.policy_page import mean_sentence, policy_figures
from overthink.report.policy_table import POLICY
from overthink.report.run_page import prediction_figures
from overthink.report.run_results import stored_evidence
from overthink.report.studies import Study, StudyError, found_in, predictions_of, study_of
from overthink.report.study_page import study_sections
from overthink.report.table_files import as_html
from overthink.report.tables import OVERTHINKING, TITLES
from overthink.running.provenance import attempts_of
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun, newest_per_key

SAMPLES_CAPTION = (
    "Percent, mean over runs, with its 95% interval over test samples: the same trained networks on other samples. The "
    "table above speaks of other seeds on the same samples; the two are not to be added."
)

OTHER_SAMPLES = (
    "These runs were not tested on the same samples, so nothing is said over test samples, and the means over runs in "
    "these figures mix what differs in more than its seed."
)


class NoBaselineError(DefinitionError):
    """What differences are asked to is no row of an experiment, or more than one."""


class Told(NamedTuple):
    """What a report says of one experiment, and the groups that it shows."""

    sections: list[Section]
    groups: list[StoredRun]
    missing: bool


def tell(store: Store, name: str, runs: Sequence[StoredRun], against: str | None, command: str) -> Told:
    """Return the sections of one experiment's runs and groups; the command makes them again.

    Raises NoBaselineError where `against` does not name one row, ValueError where a file cannot be read.
    """
    groups = sorted((run for run in runs if run.is_group), key=lambda run: run.started_ms)
    sections, missing = [], False
    for policies in (False, True):
        some = [run for run in runs if (tags.TASK in run.tags) == policies]
        layout = POLICY if policies else OVERTHINKING
        rows = overthinking_rows(some, metrics=layout.metrics)
        if against is not None and rows and not policies:
            rows = _compared(name, rows, against)
        if rows:
            missing = missing or any(row.gaps for row in rows)
            tables = [as_html(rows, layout), grid_html(_run_ids(rows))]
            sections.append(Section(name, _where_from(store, some), command, tables))
    for group in groups:
        sections += _of_group(store, group, runs)
    return Told(sections, groups, missing)


def _compared(name: str, rows: Sequence[Row], against: str) -> list[Row]:
    try:
        return with_differences(rows, against)
    except ValueError as error:
        raise NoBaselineError(f"{name}: {error}") from error


def _run_ids(rows: Sequence[Row]) -> Grid:
    cells = [
        (row.group, ", ".join(f"{run_id[:8]} ({seed})" for run_id, seed in zip(row.run_ids, row.finished, strict=True)))
        for row in rows
    ]
    return Grid(("Group", "MLflow runs behind its numbers (seeds)"), cells)


def _where_from(store: Store, runs: Sequence[StoredRun]) -> list[str]:
    """Say what the newest finished run was made with."""
    finished = [run for run in runs if not run.is_group and run.outcome == tags.FINISHED]
    if not finished:
        return ["No run is finished yet."]
    newest = max(finished, key=lambda run: run.started_ms)
    made: dict[str, Any] = {}
    with suppress(ValueError, KeyError, IndexError):
        made = attempts_of(store.text(newest.run_id, tags.PROVENANCE_FILE))[-1]
    said = {key: made.get(key, {}) for key in ("git", "versions", "machine", "settings")}
    return [
        f"{len(finished)} finished runs. The newest ({newest.run_id[:8]}) was made with: "
        + "; ".join(f"{key} {_in_words(value)}" for key, value in said.items() if value)
        + "."
    ]


def _in_words(value: Any) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    return ", ".join(f"{key} {inner}" for key, inner in value.items())


def _of_group(store: Store, group: StoredRun, runs: Sequence[StoredRun]) -> list[Section]:
    shown = newest_per_key(runs_of_group(group, runs)).values()
    finished = [run for run in shown if run.outcome == tags.FINISHED]
    if tags.ARMS in group.tags:
        return _of_study(store, study_of(group, runs))
    if not finished:
        return []
    if tags.TASK in group.tags:
        return [_of_policies(store, group, finished)]
    tests = [store.predictions(run.run_id, "test") for run in finished]
    alike = all(_same_samples(test, tests[0]) for test in tests)
    return [
        Section(
            f"{group.name} (n = {len(tests)})",
            paragraphs=[] if alike else [OTHER_SAMPLES],
            tables=[grid_html(_samples(tests))] if alike else [],
            figures=prediction_figures(tests),
        )
    ]


def _of_study(store: Store, study: Study) -> list[Section]:
    try:
        found = found_in(study, predictions_of(store, study))
    except StudyError as error:  # of this group; others may have much to say
        return [Section(study.group.name, [str(error)])]
    return study_sections(found) if found else []


def _of_policies(store: Store, group: StoredRun, finished: Sequence[StoredRun]) -> Section:
    evidence = []
    for run in finished:
        text = store.text(run.run_id, tags.DEFINITION_FILE)
        evidence.append(stored_evidence(store, run, parse_run(text, run.name)))
    figures: list[Captioned] = policy_figures(evidence)
    return Section(f"{group.name} (n = {len(evidence)})", [mean_sentence(evidence)], figures=figures)


def _same_samples(one: Predictions, other: Predictions) -> bool:
    return np.array_equal(one.ids_N, other.ids_N) and np.array_equal(one.labels_N, other.labels_N)


def _samples(tests: Sequence[Predictions]) -> Grid:
    cells = []
    for metric in COLUMNS:
        assert metric in INDICATORS
        found = over_samples(tests, metric)
        cells.append((TITLES[metric], f"{100 * found.mean:.2f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"))
    return Grid(("Over test samples", f"{len(tests[0].ids_N)} samples"), cells, SAMPLES_CAPTION)
