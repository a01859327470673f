"""The start of trials: from the values that the study chooses to a trial that can be trained."""

import time
from collections.abc import Sequence

from overthink.definition.run_definition import RunDefinition
from overthink.store import tags
from overthink.sweep.ask_tell import Asked, AskTell, Ending
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.open_trial import OpenTrial
from overthink.sweep.seed_metrics import SeedMetrics, broken_bounds
from overthink.sweep.trial_reporter import TrialListener, TrialReporter


class NewTrials:
    """Starts trials until there are enough, the time limit is over, or too many have failed."""

    def __init__(
        self,
        loaded: LoadedSweep,
        study: AskTell,
        metrics: SeedMetrics,
        reporter: TrialReporter,
        listener: TrialListener,
    ) -> None:
        self._loaded, self._study, self._metrics = loaded, study, metrics
        self._reporter, self._listener = reporter, listener
        minutes = loaded.sweep.time_limit_minutes
        self._deadline = time.monotonic() + 60 * minutes if minutes else float("inf")

    def next(self) -> OpenTrial | None:
        """Return the next trial to train; None if there is none.

        Trials that are invalid, outside a bound known before training, or without anything to train end here.
        """
        while not self._reporter.stop_reason and time.monotonic() < self._deadline:
            asked = self._study.next()
            if asked is None:
                break
            if (trial := self._start(asked)) is not None:
                return trial
        return None

    def _start(self, asked: Asked) -> OpenTrial | None:
        self._listener.on_trial_start(asked, self._study.wanted)
        try:
            experiment = self._loaded.at(asked.point, f"trial-{asked.number}")
            ending = self._without_training(experiment.groups[0].runs)
        except ValueError as error:
            ending = Ending(tags.FAILED, str(error))
        if ending is None:
            return OpenTrial(asked, experiment)
        self._reporter.end(asked, ending)
        return None

    def _without_training(self, runs: Sequence[RunDefinition]) -> Ending | None:
        """Return how a trial ends that is not trained; None for one that is to be trained."""
        sweep = self._loaded.sweep
        known = self._metrics.before_training(runs[0])
        if broken := broken_bounds(sweep, known):
            message = f"outside its bounds, so not trained: {', '.join(broken)}"
            return Ending(tags.PRUNED, message, excess=self._metrics.excess([known]))
        if sweep.trains:
            return None
        return self._metrics.finished([self._metrics.of_seed(run, known) for run in runs])
