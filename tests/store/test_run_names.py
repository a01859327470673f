"""Names of runs: what tells them apart comes first."""

import pytest

from overthink.store.run_names import group_name, run_name


@pytest.mark.parametrize(
    "changes, expected",
    [
        ("", "long · quickstart"),
        ("dataset.train=2400, kernels=torch", "long · train=2400, kernels=torch · quickstart"),
        ("regime.0.drops=[4, 6], network.growth=8", "long · drops=[4, 6], growth=8 · quickstart"),
        ("regime.0.lr=0.1, regime.1.lr=0.2", "long · regime.0.lr=0.1, regime.1.lr=0.2 · quickstart"),
    ],
)
def test_changes_keep_the_last_part_of_their_paths_where_these_differ(changes: str, expected: str) -> None:
    assert group_name("quickstart", "long", changes) == expected
    assert run_name(expected, "3") == f"seed 3 · {expected}"
