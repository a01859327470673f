"""The outcomes of a launch: as sentences, as JSON, and as an exit code, which all agree."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.report.safe_text import print_text
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.launching.outcomes import Outcomes
    from overthink.launching.planned_run import PlannedRun

ACTIONS = {
    "train": "to train",
    "resume": "to resume from a checkpoint",
    "done": "already finished",
    "diverged": "diverged before (use --force to train it again)",
    "busy": "being trained by another process",
    "queued": "finished, but not uploaded yet (use overthink sync)",
}
SUCCEEDED = (tags.FINISHED, "done")


def exit_code_of(outcomes: "Outcomes") -> int:
    """Return OK, SOME_FAILED, or FAILURE where no run succeeded."""
    if outcomes.complete:
        return OK
    return SOME_FAILED if outcomes.pending is not None or outcomes.runs.keys() & {*SUCCEEDED} else FAILURE


def show_outcomes(outcomes: "Outcomes", console: Console) -> None:
    """Print what did not succeed, a sentence each, and the numbers of runs by outcome."""
    for outcome, runs in outcomes.runs.items():
        for run in runs:
            if outcome not in SUCCEEDED:
                print_text(console, f"{run.name}: {outcome}: {_message(outcomes, outcome, run)}")
    for group, message in outcomes.unaggregated.items():
        print_text(console, f"{group}: its runs could not be aggregated: {message}")
    counts = {outcome: len(runs) for outcome, runs in outcomes.runs.items()}
    if set(counts) == {"done"}:
        all_of_them = "The run was" if counts["done"] == 1 else f"All {counts['done']} runs were"
        console.print(f"{all_of_them} already finished; nothing was trained.")
    else:
        parts = ", ".join(f"{count} {'already finished' if kind == 'done' else kind}" for kind, count in counts.items())
        console.print(f"{parts}; {took(outcomes.seconds, outcomes.estimated, outcomes.tracking_seconds)}.")
    if outcomes.pending is not None:
        print_text(console, f"{outcomes.pending}.")


def took(seconds: float, estimated: float | None, waiting: float) -> str:
    """Return how long something took, what was estimated, and how much of it was waiting for the store."""
    beside = "" if estimated is None else f" (estimated {estimated:.0f} s)"
    return f"{seconds:.0f} s{beside}, {waiting:.1f} s of it waiting for the store"


def outcomes_as_plain(outcomes: "Outcomes") -> dict[str, Any]:
    """Return every run that was asked for with its outcome and message, and what else is incomplete, for JSON."""
    return {
        "complete": outcomes.complete,
        "runs": [
            {
                "name": run.name,
                "run_key": run.key,
                "outcome": outcome,
                "message": "" if outcome in SUCCEEDED else _message(outcomes, outcome, run),
            }
            for outcome, runs in outcomes.runs.items()
            for run in runs
        ],
        "not_aggregated": outcomes.unaggregated,
        "not_uploaded": None if outcomes.pending is None else str(outcomes.pending),
    }


def _message(outcomes: "Outcomes", outcome: str, run: "PlannedRun") -> str:
    return outcomes.messages.get(run.key) or ACTIONS.get(outcome, "")
