"""The same exit for all samples: what can be done without looking at them."""

import numpy as np

from overthink.exit_policies.policy import Material
from overthink.exit_policies.rules import Thresholds


def static_exits(material: Material) -> list[Thresholds]:
    """Return a rule for each exit, by which all samples leave there."""
    n_exits = len(material.cost_E)
    return [Thresholds(np.where(np.arange(n_exits) == row, -np.inf, np.inf)) for row in range(n_exits)]
