"""Pruning: after each epoch and each seed, the study's pruner compares a trial with earlier ones."""

from overthink.sweep.ask_tell import AskTell
from overthink.sweep.definition import Sweep
from overthink.sweep.goal import value_at_epoch
from overthink.sweep.open_trial import OpenTrial
from overthink.training.epoch_record import EpochRecord


class Pruning:
    """Reports intermediate values of trials. Step: epochs so far over all seeds of the trial; value: the objective."""

    def __init__(self, sweep: Sweep, study: AskTell) -> None:
        self._sweep, self._study = sweep, study

    def after_epoch(self, trial: OpenTrial, epoch: EpochRecord) -> bool:
        """Report an epoch, where the objective is known after each; return whether to prune the trial."""
        if self._sweep.pruner is None:
            return False
        value = value_at_epoch(self._sweep.objectives[0].metric, epoch.val_accuracy)
        return value is not None and self._report(trial, epoch.epoch, value)

    def after_seed(self, trial: OpenTrial) -> bool:
        """Report a finished seed; return whether to prune the trial."""
        return self._sweep.pruner is not None and self._report(trial, 0)

    def _report(self, trial: OpenTrial, epoch: int, *unfinished_seed: float) -> bool:
        (objective,) = self._sweep.objectives
        values = [metrics[objective.metric] for metrics in trial.metrics]
        step = len(values) * trial.epochs + epoch
        return self._study.report(trial.asked, objective.over([*values, *unfinished_seed]), step)
