"""Are two trained networks connected? Loss and accuracy of every exit along the straight line between their weights.

Linear mode connectivity (Frankle et al. 2020): where the loss does not rise along the line, two trainings have ended in
one basin. Statistics of BatchNorm do not interpolate: at each point, its ends included, they are those of the training
images (Jordan et al. 2023).
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from overthink.data.batches import Samples
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.predictions.arrays import FloatArray
from overthink.training.evaluate import BATCH, evaluate

POINTS = 5
"""Evenly spaced, both ends included."""


class Line(NamedTuple):
    """Of two networks, at P points from the first (0) to the second (1)."""

    at_P: tuple[float, ...]
    loss_PE: FloatArray
    """Mean cross-entropy (nats) of each exit."""
    accuracy_PE: FloatArray
    """Fractions."""

    @property
    def loss_barriers(self) -> FloatArray:
        """(E,): the most by which the loss exceeds the straight line between its ends; 0 where it never does."""
        return self._rise(self.loss_PE)

    @property
    def error_barriers(self) -> FloatArray:
        """The same of the error, a fraction."""
        return self._rise(1 - self.accuracy_PE)

    def _rise(self, value_PE: FloatArray) -> FloatArray:
        at_P1 = np.array(self.at_P)[:, None]
        return np.asarray((value_PE - (1 - at_P1) * value_PE[0] - at_P1 * value_PE[-1]).max(axis=0))


def line_between(
    first: MultiExitNetwork, second: MultiExitNetwork, train: Samples, test: Samples, points: int = POINTS
) -> Line:
    """Return what networks along the straight line between two networks do on test samples; these stay as they are.

    `train` gives BatchNorm's statistics. Raises ValueError for networks that differ in their weights' names or shapes,
    and for fewer than two points.
    """
    if points < 2:
        raise ValueError(f"a line has at least two points, its ends, got {points}")
    ends = [network.state_dict() for network in (first, second)]
    if [(name, one.shape) for name, one in ends[0].items()] != [(name, one.shape) for name, one in ends[1].items()]:
        raise ValueError("networks of different weights have no straight line between them")
    between, at_P = copy.deepcopy(first), tuple(np.linspace(0, 1, points).tolist())
    losses, accuracies = [], []
    for at in at_P:
        between.load_state_dict({name: _between(one, ends[1][name], at) for name, one in ends[0].items()})
        set_statistics(between, train)
        found = evaluate(between, test)
        losses.append(found.loss_E.double().numpy())
        accuracies.append(found.accuracy_E.numpy())
    return Line(at_P, np.stack(losses), np.stack(accuracies))


def _between(first: Tensor, second: Tensor, at: float) -> Tensor:
    return torch.lerp(first, second, at) if first.is_floating_point() else first


@torch.no_grad()
def set_statistics(network: MultiExitNetwork, train: Samples) -> None:
    """Replace BatchNorm's running statistics by those of training images, not augmented: means over batches."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    network.eval()  # nothing is dropped out
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    for rows_B in _batches(len(train.labels_N)):
        network(train.batch(rows_B.to(train.labels_N.device))[0])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def _batches(n_samples: int) -> Sequence[Tensor]:
    """Return batches of about equal sizes: BatchNorm cannot normalise a last batch of one."""
    return torch.arange(n_samples).tensor_split(max(1, n_samples // BATCH))
