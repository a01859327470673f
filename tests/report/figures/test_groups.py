from dataclasses import replace

import numpy as np
import pytest

from overthink.predictions.predictions import Predictions
from overthink.report.figures.groups import KINDS, as_rows, overlay
from overthink.report.figures.groups_page import draw_groups
from overthink.report.run_colours import HUES
from support.random_exits import made_up

RUNS = {"plain": [(made_up(60, "test", seed),) for seed in (1, 2, 3)], "isc": [(made_up(60, "test", 4),)]}


def test_accuracy_has_the_interval_over_seeds_that_tables_have() -> None:
    info = overlay("accuracy", RUNS)
    plain, isc = info.curves
    of_first = [float(test.correct_EN[0].mean()) for (test,) in RUNS["plain"]]
    half = 4.302652729749462 * np.std(of_first, ddof=1) / np.sqrt(3)
    assert (plain.group, plain.n, isc.n) == ("plain", 3, 1)
    assert plain.mean_P[0] == pytest.approx(np.mean(of_first))
    assert plain.low_P is not None
    assert plain.low_P[0] == pytest.approx(max(np.mean(of_first) - half, 0))
    assert (isc.low_P, isc.high_P) == (None, None)  # one run
    assert plain.x_P == tuple(_test().cost_E.tolist())  # type: ignore[union-attr]


def test_overthinking_ends_at_the_networks_own_rates() -> None:
    info = overlay("overthinking", {"isc": RUNS["isc"]})
    right_EN = RUNS["isc"][0][0].correct_EN
    any_later, final = info.curves
    assert (any_later.name, final.name, info.names) == ("any later", "final", ("any later", "final"))
    assert any_later.mean_P[0] == final.mean_P[0] == 0
    earlier_N = right_EN[:-1].any(axis=0)
    assert final.mean_P[-1] == pytest.approx(float((earlier_N & ~right_EN[-1]).mean()))
    flips_N = [any(a and not b for i, a in enumerate(one) for b in one[i:]) for one in right_EN.T.tolist()]
    assert any_later.mean_P[-1] == pytest.approx(np.mean(flips_N))


def test_depth_and_budget() -> None:
    (depth,) = overlay("depth", {"isc": RUNS["isc"]}).curves
    assert sum(depth.mean_P) == pytest.approx(1)
    assert depth.x_P == (1, 2, 3)
    pairs = [(made_up(60, "val", seed), made_up(60, "test", seed)) for seed in (1, 2)]
    info = overlay("budget", {"plain": pairs})
    (curve,) = info.curves
    assert list(curve.x_P) == sorted(curve.x_P)
    assert (info.names, info.has_exits, len(curve.mean_P)) == ((), False, len(curve.x_P))


def test_exits_stand_side_by_side_where_a_group_has_no_costs() -> None:
    without = replace(_test(), cost_E=None)
    info = overlay("accuracy", {**RUNS, "imported": [(without,)]})
    assert (info.unit, info.x_title) == (None, "exit")
    assert {curve.x_P for curve in info.curves} == {(1, 2, 3)}


def test_costs_in_two_units_are_refused() -> None:
    seconds = replace(_test(), cost_E=np.array([0.1, 0.2, 0.3]), cost_unit="seconds")
    with pytest.raises(ValueError, match="costs in one unit, got MUL-ADDs and seconds"):
        overlay("accuracy", {**RUNS, "timed": [(seconds,)]})


def test_a_group_has_one_colour_and_one_entry_in_the_legend() -> None:
    figure = draw_groups(overlay("overthinking", RUNS))
    lines = [trace for trace in figure.data if trace.legendgroup and trace.fill is None]
    assert {(trace.name, trace.line.color) for trace in lines} == {("plain", HUES[0]), ("isc", HUES[1])}
    shown = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert shown == ["plain", "isc", "any later", "final"]
    assert {trace.line.dash for trace in lines} == {"solid", "dash"}
    assert not [trace for trace in figure.data if trace.fill], "bands of any later and final would cover each other"


def test_bars_stand_side_by_side_at_exits() -> None:
    info = overlay("overthinking", RUNS)
    figure = draw_groups(info)
    lines = [trace for trace in figure.data if trace.legendgroup]
    plain, isc = lines[0], lines[2]
    (any_later, *_), costs = info.curves, [cost / 1e6 for cost in info.curves[0].x_P]
    assert any_later.high_P is not None
    assert plain.y[1] + plain.error_y.array[1] == pytest.approx(100 * any_later.high_P[1])
    assert isc.error_y.array is None  # one run has no bars
    firsts = [trace.x[0] for trace in lines]
    assert len({*firsts}) == 4
    assert np.mean(firsts) == pytest.approx(costs[0])
    assert max(firsts) - min(firsts) < (costs[1] - costs[0]) / 2
    assert all(trace.cliponaxis is False for trace in lines), "points at 0 are whole"
    assert {*overlay("overthinking", {"isc": RUNS["isc"]}).shifts} == {0}, "without bars points are where they belong"
    many = overlay("overthinking", {f"group {number}": RUNS["plain"] for number in range(9)})
    assert max(many.shifts) - min(many.shifts) < 0.041 * (many.curves[0].x_P[-1] - many.curves[0].x_P[0])
    assert list(plain.customdata) == pytest.approx(costs), "what is read at a point is its own cost"
    assert overlay("budget", {"plain": [(made_up(60, "val", 1), made_up(60, "test", 1))]}).shifts == [0.0]


def test_what_is_drawn_is_said() -> None:
    info = overlay("overthinking", RUNS)
    assert info.y_title == "overthinking on test data (%)"
    assert info.sentence == (
        "Overthinking of the network that ends at an exit. Means over seeds (plain n = 3, isc n = 1); bars: 95% "
        "interval of the mean for new seeds, on these test samples (runs of plain each on its own); none for n = 1. "
        "Points of an exit stand side by side, around its place."
    )


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"budget"}))
def test_rows_have_all_numbers(kind: str) -> None:
    info = overlay(kind, RUNS)
    rows = as_rows(info)
    assert len(rows) == sum(len(curve.x_P) for curve in info.curves)
    assert [row[4] for row in rows] == [mean for curve in info.curves for mean in curve.mean_P]
    assert rows[-1][5:] == ("", "")


def _test() -> Predictions:
    return RUNS["plain"][0][0]
