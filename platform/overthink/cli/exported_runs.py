"""Importing folders that `overthink export` wrote."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from overthink.cli.exit_codes import OK
from overthink.cli.outcomes import exit_code_of, outcomes_as_plain, show_outcomes
from overthink.cli.output import log, print_json
from overthink.report.safe_text import print_text
from overthink.sentences import number_of

if TYPE_CHECKING:
    from overthink.launching.outcomes import Outcomes
    from overthink.launching.planned_run import PlannedRun
    from overthink.launching.predicted_runs import RunInStore
    from overthink.running.events import Event


class _Sentences:
    """A listener that prints what a person should know while runs are recorded; `show_outcomes` tells the rest."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_plan(self, runs: "Sequence[PlannedRun]") -> None:
        """Print how many runs there are."""
        print_text(self._console, f"{number_of(len(runs), 'exported run')}.")

    def on_event(self, run: "PlannedRun", event: "Event") -> None:
        """Print which run is recorded."""
        from overthink.running.events import Finished, ends

        if ends(event):
            print_text(self._console, f"{run.name}: {'recorded' if isinstance(event, Finished) else 'not recorded'}")

    def on_message(self, sentence: str) -> None:
        """Print a sentence."""
        print_text(self._console, sentence)


def import_folder(folder: Path, as_json: bool) -> int:
    """Import all exported runs in a folder; print what came of each, and return an exit code."""
    from overthink.launching.restoring import import_again, restore_runs
    from overthink.report.ui_views import ui_hint
    from overthink.running.exported import exported_runs
    from overthink.store.client import Store

    found = exported_runs(folder)
    trained, elsewhere = ([one for one in found if one.is_imported == imported] for imported in (False, True))
    for one in trained:
        _ = one.definition  # one that is not valid is an error before anything is made
    store, console = Store(), log()
    outcomes: Outcomes | None = None
    imported: list[RunInStore] = []
    listener = _Sentences(console)
    if elsewhere:
        imported = import_again(store, elsewhere, listener)
    if trained:
        outcomes = restore_runs(store, trained, listener)
    for run in imported:
        print_text(console, f"{run.name}: {'imported' if run.new else 'already imported'} as run {run.run_id[:8]}")
    if outcomes is not None:
        show_outcomes(outcomes, console)
    if as_json:
        print_json(_as_plain(imported, outcomes))
    experiments = [run.experiment_id for run in imported]
    experiments += [] if outcomes is None or outcomes.pending else list(outcomes.experiment_ids.values())
    if experiments:
        console.print(ui_hint(store, experiments[0]), soft_wrap=True)
    return OK if outcomes is None else exit_code_of(outcomes)


def _as_plain(imported: "list[RunInStore]", outcomes: "Outcomes | None") -> dict[str, Any]:
    trained = {} if outcomes is None else outcomes_as_plain(outcomes)
    return {**trained, "imported": [run._asdict() for run in imported]}
