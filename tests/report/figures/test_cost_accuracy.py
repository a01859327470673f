from overthink.report.figures.cost_accuracy import cost_accuracy, draw_cost_accuracy
from support.marks import ONE, TWO, predictions


def test_cost_and_accuracy_by_hand() -> None:
    info = cost_accuracy([ONE])
    assert info.cost_E == (10, 30, 60)
    assert info.accuracy_E == (0.5, 0.5, 0.25)
    assert info.ends_E is None
    assert info.by_level == {"easy": (1.0, 0.5, 0.5), "hard": (0.0, 0.5, 0.0)}
    # samples 1 and 2 leave at exit 1, sample 3 at exit 2, and sample 4 nowhere or at the end
    assert info.bounds is not None
    assert info.bounds.oracle == (0.75, (10 + 10 + 30 + 0) / 4)
    assert info.bounds.upper_bound == (0.75, (10 + 10 + 30 + 60) / 4)


def test_several_runs_are_averaged() -> None:
    info = cost_accuracy([ONE, TWO])
    assert info.accuracy_E == (0.75, 0.75, 0.625)
    assert info.ends_E == ((0, 0, 0), (1, 1, 1))  # two runs: mean +- 12.7 deviations / sqrt(2), cut
    assert info.bounds is not None
    assert info.bounds.oracle.accuracy == 0.875


def test_a_level_without_samples_is_left_out() -> None:
    assert set(cost_accuracy([predictions(["10", "01"], [0, 0])]).by_level) == {"easy"}


def test_the_drawing_shows_percent() -> None:
    by_name = {trace.name: trace for trace in draw_cost_accuracy(cost_accuracy([ONE, TWO])).data}
    assert list(by_name["exits, all samples"].y) == [75, 75, 62.5]
    assert by_name["oracle"].y == (87.5,)


def test_every_level_has_its_line() -> None:
    names = ("a", "b", "c", "d")
    lines = draw_cost_accuracy(cost_accuracy([predictions(["1011", "1101"], [0, 1, 2, 3], names)])).data
    assert [line.name for line in lines][:4] == [f"{name} samples" for name in names]
