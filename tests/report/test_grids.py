"""Small tables of text."""

import io

from rich.console import Console

from overthink.report.grids import Grid, as_rich


def shown(grid: Grid, width: int = 80) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(as_rich(grid))
    return text.getvalue().splitlines()


def test_columns_of_words_are_on_the_left() -> None:
    rows = [("a.png", "ship", "1"), ("bb.png", "cat", "22")]
    assert [line.rstrip() for line in shown(Grid(("File", "Class", "Exit"), rows, words=2))] == [
        "File    Class  Exit",
        "───────────────────",
        "a.png   ship      1",
        "bb.png  cat      22",
    ]


def test_a_long_word_is_folded_and_nothing_of_it_is_lost() -> None:
    name = "a-file-name-of-many-characters[bold].png"
    lines = shown(Grid(("File", "Exit"), [(name, "1")]), width=24)
    assert "".join(line.split()[0] for line in lines[2:]) == name
