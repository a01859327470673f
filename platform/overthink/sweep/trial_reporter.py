"""Reports how trials end: to the store, the study and the progress listener."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from overthink.launching.outcomes import ProgressListener
from overthink.store import tags
from overthink.sweep.ask_tell import Asked, AskTell, Ending
from overthink.sweep.dashboard import TrialLinks
from overthink.sweep.sweep_recorder import SweepRecorder

MOST_FAILURES = 3
"""A sweep stops when so many trials have failed and none has ended otherwise: the cause is common to all."""


class TrialListener(ProgressListener, Protocol):
    """A progress listener that is called for trials, too."""

    def on_trial_start(self, asked: Asked, wanted: int) -> None:
        """Handle the start of a trial, new or resumed; `wanted` is the number of trials of the sweep."""

    def on_trial_end(
        self, asked: Asked, outcome: str, values: Sequence[float], message: str, best: float | None
    ) -> None:
        """Handle the end of a trial; `best` is the best value so far if the sweep has one objective."""


class TrialReporter:
    """Reports the endings of this call's trials, and counts them."""

    def __init__(self, study: AskTell, recorder: SweepRecorder, listener: TrialListener, links: TrialLinks) -> None:
        self._study, self._recorder, self._listener, self._links = study, recorder, listener, links
        self.outcomes = Counter[str]()
        """Outcome -> trials of this call that have ended so."""
        self.stop_reason = ""
        """Why no more trials are to be started; empty while the sweep goes well."""

    def end(self, asked: Asked, ending: Ending, group_run_id: str | None = None) -> None:
        """Report how a trial has ended: to the store first, so that a trial killed in between is reported again.

        A trial without a group gets an MLflow run of its own.
        """
        outcome, message, values, _ = ending
        run_id = self._recorder.trial(asked, ending, group_run_id)
        self._study.tell(asked, ending, run_id)
        self._links.write(asked.number, run_id)
        best = self._study.best_value if values else None
        if best is not None:
            self._recorder.best_so_far(asked.number, best)
        self._listener.on_trial_end(asked, outcome, values, message, best)
        self.outcomes[outcome] += 1
        if self.outcomes.total() == self.outcomes[tags.FAILED] >= MOST_FAILURES:
            self.stop_reason = f"{MOST_FAILURES} trials failed and none succeeded; the last error: {message}"
