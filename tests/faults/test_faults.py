"""One fault of some kinds; the hundreds are `make faults`."""

from pathlib import Path

import pytest

from faults.running import prepare, table, trial
from faults.verdict import Verdict
from faults.victim import warm_up


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warm_up()
    folder = tmp_path_factory.mktemp("made")
    prepare(folder)
    return folder


@pytest.mark.process
@pytest.mark.parametrize(
    "kind", ["kill both at once", "interrupt while the store is made", "undelivered taken over then synced"]
)
def test_a_fault_costs_nothing(made: Path, tmp_path: Path, kind: str) -> None:
    done = trial(made, 1, kind, 0, tmp_path)
    assert done.verdict == Verdict()
    assert f"| {kind} | 1 | 1 | 0 | 0 | 0 | 0 | 0 |" in table([done])
