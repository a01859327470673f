"""`overthink study`: what the repeats of a study say about the randomness of training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.console import Console

from overthink.cli.commands.chosen import chosen_runs, not_run
from overthink.cli.commands.images import dataset_of
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.definition.errors import DefinitionError
from overthink.policy.early_exit_data import rows_of
from overthink.predictions.predictions import Predictions
from overthink.report.grids import as_rich
from overthink.report.montage import montage
from overthink.report.safe_text import escape_for_terminal, print_text
from overthink.report.studies import (
    Study,
    StudyError,
    findings_by_arm,
    often_and_never_overthought,
    predictions_by_run,
    study_of,
)
from overthink.report.study_page import Pictures, study_page
from overthink.report.study_table import arms_grid, ties_grid
from overthink.report.ui_views import ui_hint
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from overthink.study.findings import Findings
from overthink.study.verdict import primary_arm_of, verdict

SHOWN = 24
"""Samples at each end."""


def study(name: str, data_root: Path | None, as_json: bool, console: Console) -> int:
    """Print what the finished runs of a study say, and add the page to its group; 3 where not all of it can be said.

    JSON is a list, an entry a group of which something can be said.
    """
    store = Store()
    studies = _studies(store, name)
    told, wrong = [], []
    for one in studies:
        try:
            told.append(_tell(store, one, data_root, console))
        except StudyError as error:  # of this group; others may have much to say
            told.append({})
            wrong.append(error)
    if not any(told):
        raise wrong[0] if wrong else DefinitionError(f"{name}: no arm has two finished runs yet")
    for reason in wrong:
        print_text(console, str(reason))
    speaking = [(one, found) for one, found in zip(studies, told, strict=True) if found]
    if as_json:
        typer.echo(json.dumps([_as_plain(*pair) for pair in speaking], indent=2))
    else:
        for pair in speaking:
            _show(store, *pair, console)
    return OK if all(told) and not any(one.missing for one in studies) else SOME_FAILED


def _studies(store: Store, name: str) -> list[Study]:
    chosen = chosen_runs(store, [name])
    if not chosen:
        raise not_run(store, [name])
    groups = [run for run in chosen if run.is_group and not run.is_policy]
    if not groups:
        raise DefinitionError(f"{name}: what is studied is a group of multi-exit networks, and this is none")
    return [study_of(run, chosen) for run in sorted(groups, key=lambda run: run.started_ms)]


def _tell(store: Store, one: Study, data_root: Path | None, console: Console) -> dict[str, Findings]:
    """Return what a study's arms say, and add the page to its group; nothing where no arm has two finished runs."""
    known = predictions_by_run(store, one)
    found = findings_by_arm(one, known)
    if not found:
        print_text(console, f"{one.group.name}: no arm has two finished runs yet")
        return found
    pictures = _pictures(store, one, known, found, data_root, console)
    Writer(store).text(one.group.run_id, tags.STUDY_PAGE, study_page(one.group.name, found, pictures))
    return found


def _show(store: Store, one: Study, found: dict[str, Findings], console: Console) -> None:
    shown = Console(highlight=False)
    shown.print(escape_for_terminal(one.group.name, "bold"), "")
    for paragraph in verdict(found):
        shown.print(escape_for_terminal(paragraph), "")
    whole = primary_arm_of(found)
    grids = [arms_grid(found), *([ties_grid(found[whole])] if whole is not None else [])]
    shown.print(*(as_rich(grid) for grid in grids if grid.rows), "", sep="\n")
    if one.missing:
        console.print(f"{one.missing} runs of the study are missing or unfinished; overthink run goes on with it.")
    print_text(console, f"Figures, and every number: artifact {tags.STUDY_PAGE} of the group.")
    console.print(ui_hint(store, one.group.experiment_id), soft_wrap=True)


def _pictures(
    store: Store,
    one: Study,
    known: dict[str, Predictions],
    found: dict[str, Findings],
    data_root: Path | None,
    console: Console,
) -> Pictures:
    whole = primary_arm_of(found)
    if whole is None:
        return ()
    runs = one.arms[whole].runs
    ends = often_and_never_overthought([known[run.run_id] for run in runs], SHOWN)
    try:
        test = dataset_of(store, runs[0], data_root).test
    except DefinitionError as error:  # everything else needs no images
        print_text(console, f"No pictures of samples: {error}")
        return ()
    captions = (
        f"Overthought in most trainings (any later), of {len(runs)}",
        "Never overthought, though not every exit of every training is right",
    )
    return [
        (caption, montage(list(test.images_NKHW[rows_of(test.ids_N, ids_M, "test data")])))
        for caption, ids_M in zip(captions, ends, strict=True)
        if len(ids_M)
    ]


def _as_plain(one: Study, found: dict[str, Findings]) -> dict[str, Any]:
    return {
        "group": one.group.run_id,
        "verdict": verdict(found),
        "arms": {
            name: {"runs": [run.run_id for run in one.arms[name].runs], **_plain(findings._asdict())}
            for name, findings in found.items()
        },
    }


def _plain(value: Any) -> Any:
    """Return arrays and records as JSON has them; pairs of exits become `1,5`."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, dict):
        return {",".join(map(str, k)) if isinstance(k, tuple) else k: _plain(inner) for k, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
