"""A small fuzz run; the full one is `make fuzz`."""

from pathlib import Path

import pytest

from fuzz.definitions import prepare, trial
from fuzz.mutations import RAW, VALUES


@pytest.mark.parametrize("first", [0, 75])
def test_mutated_definitions_end_in_a_plan_or_in_one_sentence(tmp_path: Path, first: int) -> None:
    prepare()
    done = [trial(1, number, tmp_path) for number in range(first, first + 75)]
    assert [(one.number, one.problem, one.message[:500]) for one in done if one.problem] == []
    assert {one.code for one in done} == {0, 2}


def test_a_trial_is_repeated_by_its_number(tmp_path: Path) -> None:
    first = trial(2, 5, tmp_path)
    content = {path.name: path.read_bytes() for path in tmp_path.glob("*.yaml")}
    second = trial(2, 5, tmp_path)
    assert first._replace(seconds=0, memory=0) == second._replace(seconds=0, memory=0)
    assert content == {path.name: path.read_bytes() for path in tmp_path.glob("*.yaml")}
    assert len(RAW) + len(VALUES) > 150
