"""What the best of many trials loses with new seeds is counted by the objective's own measure."""

from collections.abc import Sequence

import pytest

from overthink.sweep.confirmation import shrinkage
from overthink.sweep.goal import Objective, OverSeeds


@pytest.mark.parametrize(
    "over_seeds, seeds, fresh, expected",
    [
        ("mean", 2, [0.4, 0.5, 0.6], 0.1),
        ("worst", 3, [0.4, 0.5, 0.6], 0.2),
        ("worst", 2, [0.4, 0.5, 0.6], None),
        ("mean-minus-std", 2, [0.4, 0.5, 0.6], 0.2),
        ("mean-minus-std", 2, [0.5], None),
        ("mean-minus-std", 1, [0.5], 0.1),
    ],
)
def test_like_is_compared_with_like(
    over_seeds: OverSeeds, seeds: int, fresh: Sequence[float], expected: float | None
) -> None:
    """A mean is above the worst seed, so against that the best trial seemed to gain by new seeds."""
    higher = Objective(metric="val/accuracy/last", over_seeds=over_seeds)
    found = shrinkage(higher, 0.6, seeds, fresh)
    assert found == (None if expected is None else pytest.approx(expected))


def test_where_lower_is_better() -> None:
    lower = Objective(metric="val/overthinking/any_later", over_seeds="worst", direction="minimize")
    assert shrinkage(lower, 0.2, 2, [0.25, 0.1]) == pytest.approx(0.05)
