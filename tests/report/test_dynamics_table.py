"""The tables of the dynamics of trainings say what their intervals hold for, and which of them say nothing."""

import csv

import pytest

from overthink.dynamics.findings import Dynamics, dynamics
from overthink.dynamics.verdict import verdict
from overthink.report.dynamics import GroupDynamics
from overthink.report.dynamics_table import as_csv, grids, intervals_sentence
from overthink.statistics.jackknife import Interval
from support.courses import realistic

CORRELATIONS = "those of correlations for new trainings, on these samples"


def of(trainings: int) -> Dynamics:
    return dynamics([realistic(8, 3, 200, seed) for seed in range(trainings)])


@pytest.mark.parametrize("trainings, said", [(3, True), (1, False)])
def test_correlations_have_intervals_over_trainings_alone(trainings: int, said: bool) -> None:
    assert (CORRELATIONS in intervals_sentence(of(trainings))) == said


def test_what_all_trainings_share_is_not_covered_by_intervals() -> None:
    """As where the split is fixed, so that all validate on the same samples."""
    assert intervals_sentence(of(3), ("split",)).endswith(
        "Held fixed, so not covered by intervals: one split (all trainings)."
    )
    assert "Held fixed" not in intervals_sentence(of(3))


def test_a_correlation_has_no_interval_as_wide_as_all_that_it_can_be() -> None:
    found = of(3)
    assert found.order is not None
    wide = found._replace(
        order=found.order._replace(exits=Interval(0.4, -1.9, 2.7), difference=Interval(0.1, -2.5, 2.7)),
        depth_and_learning=Interval(0.5, 0.2, 1.3),
    )
    _, exits, _, order, _ = grids(wide)
    assert [row[1] for row in order.rows][0::2] == ["+0.40 n.d.", "+0.10 n.d."]
    assert "n.d.: not determined" in order.caption
    assert "+0.50 [+0.20, +1.00]" in exits.caption
    assert "correlate by 0.40 [not determined] (Spearman)" in verdict(wide)[-1]


def test_a_table_explains_what_is_not_determined_and_so_does_the_sentence() -> None:
    found = of(3)
    *stages, last = found.stages
    wide = found._replace(stages=(*stages, last._replace(born=Interval(0.5, -0.3, 1.4))))
    (table, *_) = grids(wide)
    assert "50.0\nn.d." in table.rows[-1]
    assert "n.d.: not determined" in table.caption
    assert "50% [not determined] are so for good" in verdict(wide)[0]


def test_a_name_in_a_file_is_no_formula_to_a_spreadsheet() -> None:
    found = of(1)
    for name, shown in (("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("@a\x1b[31m", "'@a?[31m"), ("a: b", "a: b")):
        lines = csv.DictReader(as_csv([(GroupDynamics(name, "", (), found, ()), found)]).splitlines())
        assert {line["group"] for line in lines} == {shown}
