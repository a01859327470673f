"""An exhaustive grid by trial number: nothing to remember, so that several machines share one without a word."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from overthink.sweep.space import Value


class GridByNumber(BaseSampler):
    """Gives trial n the n-th point; Optuna's own grid cannot be asked, only run."""

    def __init__(self, points: Sequence[dict[str, Value]]) -> None:
        self._points = points

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return nothing: parameters are chosen one by one."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing: parameters are chosen one by one."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return what the trial's point has for a parameter."""
        return self._points[trial.number][param_name]
