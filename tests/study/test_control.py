"""The control arm of a study is one observation."""

from typing import Any

from overthink.report.study_table import arms_grid
from overthink.statistics.jackknife import Interval
from overthink.study.control import of_one_training
from overthink.study.findings import findings
from support.repeats import by_difficulty, predictions


def numbers(found: Any) -> list[Interval]:
    """Return all numbers with an interval in results."""
    if isinstance(found, Interval):
        return [found]
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else ()
    return [one for part in inner for one in numbers(part)]


def test_six_equal_runs_have_no_interval_anywhere() -> None:
    six = findings(6 * predictions(by_difficulty(1, 100)), ["repeat"])
    one = of_one_training(six)
    assert all(number.low is None and number.high is None for number in numbers(one))
    assert one.any_later.rate.mean.value == six.any_later.rate.mean.value
    assert (one.same, one.repeats, one.any_later.rate.std) == (True, 6, None)


def test_a_table_of_a_control_and_of_an_arm_that_varies_one_source() -> None:
    control = of_one_training(findings(6 * predictions(by_difficulty(1, 100)), ["repeat"]))
    grid = arms_grid({"init": findings(predictions(by_difficulty(4, 100)), ["init"]), "none": control})
    init, none = grid.rows
    assert (init[1], none[1]) == ("4", "1")
    assert "±" in init[2]
    assert not any("±" in cell or "[" in cell for cell in none)
    assert "equal by construction and count once: none (6 runs)." in grid.caption
    assert "one split, one order and one augmentation (init)." in grid.caption
