from overthink.exit_policies.catalogue import named
from overthink.exit_policies.references import REFERENCES
from overthink.exit_policies.side_by_side import side_by_side
from overthink.exit_policies.trial import AREA_POINTS, Pair
from overthink.report.figures.exit_policies import draw_policy_lines, policy_lines
from overthink.report.figures.style import INK
from support.random_exits import made_up

FOUND = side_by_side(
    [Pair(made_up(200, "val"), made_up(200, "test"))],
    [named("max-softmax"), named("static"), named("product")],
    REFERENCES,
    (0.5,),
    "max-softmax",
)


def test_lines_are_those_of_the_rows() -> None:
    info = policy_lines(FOUND)
    lines = {line.name: line for line in info.lines}
    areas = {row.name: row.area.value for row in FOUND.rows if row.area and not row.uses_labels}
    assert sorted(areas, key=lambda name: -areas[name]) == sorted(areas, key=lambda name: lines[name].rank)
    assert lines["oracle"].rank == -1
    line = lines["product"]
    assert len(line.cost_A) == AREA_POINTS
    assert abs(sum(line.accuracy_A) / AREA_POINTS - areas["product"]) < 1e-12
    assert min(line.cost_A) > 0.25
    assert max(line.cost_A) < 1


def test_the_figure_has_a_line_each_in_percent() -> None:
    info = policy_lines(FOUND)
    figure = draw_policy_lines(info)
    assert len(figure.data) == len(info.lines)
    (baseline,) = [trace for trace in figure.data if trace.name == "max-softmax"]
    assert baseline.line.color == INK
    assert max(baseline.y) > 1
    dashed = [trace for trace in figure.data if trace.line.dash]
    assert {"oracle", "static"} < {trace.name for trace in dashed}
    assert len({trace.line.color for trace in dashed}) == len({trace.line.dash for trace in dashed}) == len(dashed)
