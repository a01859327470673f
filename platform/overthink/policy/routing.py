"""Accuracy and cost of the main network M when the policy network chooses every sample's exit."""

from typing import NamedTuple

import numpy as np

from overthink.inference.oracle import OperatingPoint
from overthink.policy.evidence import Evidence
from overthink.predictions.absent import needed


class Routed(NamedTuple):
    """Operating points of M on all its test samples, each at the exit that the policy network chooses."""

    without_policy: OperatingPoint
    """Without the policy network's own cost."""
    with_policy: OperatingPoint


def routed(evidence: Evidence) -> Routed:
    """Return accuracy and cost (MUL-ADDs per sample) of M with the exits that the policy network chooses."""
    network, rows_N = evidence.network_test, evidence.exit_rows_N
    accuracy = float(network.correct_EN[rows_N, np.arange(len(rows_N))].mean())
    cost = float(needed(network.cost_E, "costs")[rows_N].mean())
    return Routed(OperatingPoint(accuracy, cost), OperatingPoint(accuracy, cost + evidence.cost))
