"""Exits by chance: shares as drawn, the same exit each time, and the row of the table that it is a draw of."""

import numpy as np
import pytest
import torch

from overthink.exit_policies.catalogue import named
from overthink.exit_policies.random_exits import hashed
from overthink.exit_policies.references import random_exits
from overthink.exit_policies.trial import Pair, trial
from overthink.inference.exiting import LeavingByRule
from overthink.predictions.absent import needed
from support.random_exits import made_up
from support.trained_networks import images, settled


def test_numbers_look_uniform_and_are_a_function_of_the_value() -> None:
    values_M = np.linspace(0.1, 1, 20_000)
    found_M = hashed(values_M)
    shares = np.histogram(found_M, bins=20, range=(0, 1))[0] / len(found_M)
    assert shares == pytest.approx([1 / 20] * 20, rel=0.1)
    assert abs(np.corrcoef(values_M, found_M)[0, 1]) < 0.03
    assert (hashed(values_M[::-1]) == found_M[::-1]).all()


def test_it_is_a_draw_of_the_row_of_the_table() -> None:
    pair = Pair(made_up(4000, "val", 0), made_up(4000, "test", 0))
    budgets_B = np.array([0.6, 0.8]) * needed(pair.test.cost_E, "costs")[-1]
    drawn, (expected,) = trial(named("random"), pair, budgets_B), random_exits([pair], budgets_B)
    assert drawn.right_BN.mean(axis=1).tolist() == pytest.approx(expected.right_BN.mean(axis=1).tolist(), abs=0.03)
    assert drawn.cost_BN.mean(axis=1).tolist() == pytest.approx([0.6, 0.8], abs=0.03)


def test_a_running_network_draws_what_the_table_draws() -> None:
    network = settled()
    with torch.no_grad():
        logits_ENC = torch.stack(network(images(200)))
    of = made_up(200, "val", 0)
    point = named("random").fit(of).at(0.7 * float(needed(of.cost_E, "costs")[-1]))
    by_rule = LeavingByRule(network, point)(images(200)).exit_B
    online = point.online()
    leaves = online.step(logits_ENC[0].numpy()).leaves_M
    assert ((by_rule.numpy() == 0) == leaves).mean() > 0.98  # rounding of a confidence is another draw
