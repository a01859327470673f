from dataclasses import replace

import numpy as np
import pytest

from overthink.exit_policies.catalogue import named
from overthink.exit_policies.policy import ExitPolicy
from overthink.exit_policies.rules import Rule, Thresholds
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.testing import check_exit_policy


@pytest.mark.parametrize("name", ["max-softmax", "top2-ratio", "patience", "mean"])
def test_policies_that_pass(name: str) -> None:
    check_exit_policy(named(name))


class Forgetful(Thresholds):
    """A rule that decides otherwise for batches of a few samples than for a whole table."""

    def leaves(self, row: int, sure_M: FloatArray, answer_M: IntArray | None) -> BoolArray:
        if len(sure_M) < 10:
            return np.ones(len(sure_M), dtype=np.bool_)
        return super().leaves(row, sure_M, answer_M)


def test_a_policy_that_differs_in_a_network() -> None:
    usual = named("max-softmax")

    def rules(material: object) -> list[Rule]:
        return [Forgetful(rule.threshold_E) for rule in usual.rules(material) if isinstance(rule, Thresholds)]  # type: ignore[arg-type]

    wrong: ExitPolicy = replace(usual, rules=rules)
    with pytest.raises(AssertionError, match="others leave than in the table"):
        check_exit_policy(wrong)
