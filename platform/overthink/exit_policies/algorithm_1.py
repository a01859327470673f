"""Thresholds by the thesis's Algorithm 1: for each of its exit distributions."""

import numpy as np

from overthink.exit_policies.policy import Material
from overthink.exit_policies.rules import Thresholds
from overthink.inference.patience import patience_thresholds
from overthink.inference.thresholds import exit_distributions, thresholds


def algorithm_1(material: Material) -> list[Thresholds]:
    """Return the thresholds of each exit distribution of thesis eq. 3.10, computed on validation scores."""
    sure_EN = material.scores.sure_EN
    return [Thresholds(thresholds(sure_EN, q_E)) for q_E in exit_distributions(len(sure_EN))]


def agreeing_exits(material: Material) -> list[Thresholds]:
    """Return the thresholds of 1 to E agreeing exits, for patience: no distribution can be aimed at."""
    return [Thresholds(np.asarray(threshold_E)) for threshold_E in patience_thresholds(len(material.cost_E))]
