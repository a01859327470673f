from overthink.report.figures.style import exit_colours


def test_each_exit_has_its_colour() -> None:
    assert len(set(exit_colours(10))) == 10
    assert len(exit_colours(1)) == 1
