"""What becomes of M when the policy network chooses the exit of every sample."""

from typing import NamedTuple

import numpy as np

from overthink.inference.oracle import OperatingPoint
from overthink.policy.evidence import Evidence


class Routed(NamedTuple):
    """The routed network on all test samples of M."""

    without_policy: OperatingPoint
    """The policy network's own cost left out."""
    with_policy: OperatingPoint


def routed(evidence: Evidence) -> Routed:
    """Return accuracy and cost of M where every sample leaves at the exit that the policy network chose for it."""
    network, rows_N = evidence.network_test, evidence.exit_rows_N
    accuracy = float(network.correct_EN[rows_N, np.arange(len(rows_N))].mean())
    cost = float(network.cost_E[rows_N].mean())
    return Routed(OperatingPoint(accuracy, cost), OperatingPoint(accuracy, cost + evidence.cost))
