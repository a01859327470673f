"""TrialReporter how a trial has ended: the store, the study, and whoever watches."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from optuna.trial import TrialState

from overthink.launching.outcomes import ProgressListener
from overthink.store import tags
from overthink.sweep.ask_tell import Asked, AskTell
from overthink.sweep.trial_record import SweepRecorder

MOST_FAILURES = 3
"""Trials that fail, none having ended otherwise: what is wrong with them is wrong with all."""
NOTHING: Mapping[str, float] = MappingProxyType({})
STATES = {tags.FINISHED: TrialState.COMPLETE, tags.PRUNED: TrialState.PRUNED}
"""Outcome -> what Optuna calls it; any other has failed."""


class TrialListener(ProgressListener, Protocol):
    """Somebody who is told how a sweep goes, too."""

    def on_trial_start(self, asked: Asked, wanted: int) -> None:
        """Hear what is tried next."""

    def on_trial_end(
        self, asked: Asked, outcome: str, values: Sequence[float], message: str, best: float | None
    ) -> None:
        """Hear how a trial has ended, and the best value so far where there is one objective."""


class TrialReporter:
    """Tells of trials, and counts them."""

    def __init__(self, study: AskTell, recorder: SweepRecorder, watch: TrialListener) -> None:
        self._study, self._recorder, self._watch = study, recorder, watch
        self.outcomes = Counter[str]()
        """Outcome -> trials of this call that have ended so."""
        self.stop_reason = ""
        """Why no more trials are to be begun, where something is wrong with all of them."""

    def tell(
        self,
        asked: Asked,
        outcome: str,
        message: str = "",
        values: Sequence[float] = (),
        excess: Mapping[str, float] = NOTHING,
        group_run_id: str | None = None,
    ) -> None:
        """Tell how a trial has ended, in the store first: killed in between, the trial is told again.

        `excess` says by how much it breaks each bound; a trial without a group gets a run of its own.
        """
        run_id = self._recorder.trial(asked.number, asked.point, group_run_id, outcome, values, message)
        result = {"run_id": run_id, "outcome": outcome, "message": message}
        self._study.tell(asked, STATES.get(outcome, TrialState.FAIL), result, values, excess)
        best = self._study.best_value if values else None
        if best is not None:
            self._recorder.best_so_far(asked.number, best)
        self._watch.on_trial_end(asked, outcome, values, message, best)
        self.outcomes[outcome] += 1
        if self.outcomes.total() == self.outcomes[tags.FAILED] >= MOST_FAILURES:
            self.stop_reason = f"{MOST_FAILURES} trials failed and none succeeded, the last one so: {message}"
