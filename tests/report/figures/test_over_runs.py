from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from overthink.predictions.predictions import Predictions
from overthink.report.figures.cost_accuracy import cost_accuracy
from overthink.report.figures.overthinking import overthinking_by_level, overthinking_by_pair
from support.marks import ONE


@pytest.mark.parametrize("record_of", [cost_accuracy, overthinking_by_pair, overthinking_by_level])
@pytest.mark.parametrize(
    "change", [{"split": "val"}, {"cost_E": np.array([10, 30, 61])}, {"level_names": ("easy", "odd")}]
)
def test_runs_that_differ_are_not_averaged(
    record_of: Callable[[Sequence[Predictions]], object], change: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="one split, cost and level names"):
        record_of([ONE, replace(ONE, **change)])
