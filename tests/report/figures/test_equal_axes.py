from overthink.report.figures.equal_axes import ROOM
from overthink.report.run_page import prediction_figures, with_equal_axes
from support.marks import ONE, TWO


def test_groups_of_one_page_share_heights_and_colours() -> None:
    pages = [prediction_figures([ONE]), prediction_figures([TWO]), prediction_figures([ONE, TWO])]
    with_equal_axes(pages)
    for accuracy, pairs, _ in pages:
        assert accuracy.figure.layout.yaxis.range == (-100 * ROOM, 100 + 100 * ROOM)  # 0 to 100 are drawn
        assert pairs.figure.data[0].zmax == 25
    assert {page[2].figure.layout.yaxis.range for page in pages} == {(0, 109)}


def test_one_page_alone_shows_all_of_it() -> None:
    (accuracy, pairs, _) = page = prediction_figures([TWO])
    with_equal_axes([page])
    assert accuracy.figure.layout.yaxis.range == (100 - ROOM, 100 + ROOM)
    assert pairs.figure.data[0].zmax == 1
