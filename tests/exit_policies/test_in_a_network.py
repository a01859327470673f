"""Fitted policies in a running network, against the same policies on that network's logits."""

import numpy as np
import pytest
import torch

from overthink.exit_policies.catalogue import TABLE, named
from overthink.inference.exiting import LeavingByRule
from overthink.predictions.predictions import Predictions
from support.trained_networks import images, settled

NETWORK = settled()
COSTS = [1000, 2000, 4000]


def predictions(first: int, last: int) -> Predictions:
    """Return what the network says of some images; labels are the last exit's class for most of them."""
    with torch.no_grad():
        logits_ENC = torch.stack(NETWORK(images(400)[first:last])).numpy()
    n, random = last - first, np.random.default_rng(first)
    labels_N = np.where(random.random(n) < 0.8, logits_ENC[-1].argmax(axis=1), random.integers(0, 4, n))
    zeros_N = np.zeros(n, dtype=np.int64)
    return Predictions.from_logits(logits_ENC, labels_N, np.arange(n), zeros_N, (), COSTS, "", "val", True)


@pytest.mark.parametrize("name", TABLE)
def test_a_network_leaves_as_the_table_says(name: str) -> None:
    test = predictions(300, 400)
    point = named(name).fit(predictions(0, 300)).at(2500.0)
    found, expected = LeavingByRule(NETWORK, point)(images(400)[300:]), point.offline(test)
    differs = found.exit_B.numpy() != expected.exit_N
    assert differs.mean() <= 0.02  # a score within rounding of its threshold: batches of other sizes round otherwise
    right_N = found.predicted_B.numpy() == test.labels_N
    assert (right_N == expected.right_N)[~differs].all()
