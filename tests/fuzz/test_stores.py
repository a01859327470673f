"""A few damaged stores; 1,000 are looked at by `make fuzz`."""

from pathlib import Path

from fuzz.stores import prepare, trial


def test_stores_with_a_damaged_run_show_all_others(tmp_path: Path) -> None:
    prepare()
    done = []
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        done.append(trial(3, number, folder))
    assert [(one.number, one.command, one.problem, one.message[:500]) for one in done if one.problem] == []


def test_a_trial_is_repeated_by_its_number(tmp_path: Path) -> None:
    prepare()
    first, second = (trial(3, 1, tmp_path / name) for name in ("first", "second"))
    assert (first.command, first.code, first.problem) == (second.command, second.code, second.problem)
