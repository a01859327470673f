"""Small tables of text."""

import pytest

from overthink.cli.output import print_grid
from overthink.report.grids import Grid, as_rich
from support.columns import in_columns


def shown(grid: Grid, width: int = 80) -> list[str]:
    return in_columns(as_rich(grid), width).splitlines()


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


@pytest.mark.parametrize("width", ["1", "20", "40", "80"])
def test_a_terminal_too_narrow_cuts_nothing_off(
    width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    rows = [("a-file-of-many-characters.png", "automobile", "1,234,567,890,123"), ("b.png", "cat", "1")]
    print_grid(Grid(("File", "Class", "MUL-ADDs"), rows, words=2))
    lines = capsys.readouterr().out.splitlines()
    assert "".join(line.split()[0] for line in lines[2:-1]) == rows[0][0]
    assert [word for line in lines for word in line.split()[1:]] == [
        *("Class", "MUL-ADDs", "automobile", "1,234,567,890,123", "cat", "1")
    ]


@pytest.mark.parametrize("columns, gap", [(80, 2), (78, 2), (77, 1), (40, 1)])
def test_columns_move_together_before_lines_are_too_long(
    columns: int, gap: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of 13 characters and five numbers of 11 are 68, and five gaps."""
    monkeypatch.setenv("COLUMNS", str(columns))
    number = "123.45±6.78"
    print_grid(Grid(("Row", *"abcde"), [("a-long-name-1", *[number] * 5)]))
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.rstrip() == ("a-long-name-1" + f"{' ' * gap}{number}" * 5), columns
