"""Several groups in one plot, as a file of each format, with its numbers beside it."""

import csv
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from overthink.report.figures.groups import Curve, Overlay
from overthink.report.figures.groups_paper import paper_figure
from support.command import invoke

GROUPS = ("small: short", "small: long")


def test_each_suffix_gives_a_file_of_its_format(old_store: Path) -> None:
    for suffix in ("pdf", "svg", "png", "html"):
        done = invoke(old_store, "figure", "accuracy", *GROUPS, "-o", f"drawn.{suffix}")
        assert done.returncode == 0, done.stderr
        assert "short n = 2, long n = 2" in " ".join(done.stderr.split())
    content = (old_store / "drawn.pdf").read_bytes()
    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")
    assert b"/Subtype /Image" not in content  # vectors
    assert b"/FontFile2" in content  # TrueType, embedded
    svg = ElementTree.parse(old_store / "drawn.svg")
    words = {element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"short", "long", "accuracy on test data (%)"} <= words
    with Image.open(old_store / "drawn.png") as picture:
        assert picture.width == round(3.35 * 300)
    page = (old_store / "drawn.html").read_text()
    assert "Plotly.newPlot" in page
    assert "95% interval of the mean for new seeds" in page


def test_the_same_numbers_give_the_same_bytes_and_stand_beside(old_store: Path) -> None:
    for name in ("first", "second"):
        assert invoke(old_store, "figure", "overthinking", *GROUPS, "-o", f"{name}.pdf").returncode == 0
    assert (old_store / "first.pdf").read_bytes() == (old_store / "second.pdf").read_bytes()
    with (old_store / "first.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == ["group", "curve", "runs", "MUL-ADDs", "mean", "low", "high"]
    assert list(dict.fromkeys((row["group"], row["curve"]) for row in rows)) == [
        *(("short", name) for name in ("any later", "final")),
        *(("long", name) for name in ("any later", "final")),
    ]
    ends = [[row[name] for name in ("low", "mean", "high")] for row in rows]
    known = [[float(end) for end in three] for three in ends if three[0] != ""]  # not of two equal runs
    assert known
    assert all(0 <= low <= mean <= high <= 1 for low, mean, high in known)


def test_groups_are_in_the_order_of_their_names_and_two_columns_are_wider(old_store: Path) -> None:
    done = invoke(old_store, "figure", "depth", *reversed(GROUPS), "-o", "wide.png", "--columns", "2")
    assert "long n = 2, short n = 2" in " ".join(done.stderr.split())
    with Image.open(old_store / "wide.png") as picture:
        assert picture.width == 2100


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["accurcy", "small: short", "-o", "a.pdf"], "KIND accurcy: not one of accuracy, overthinking, budget"),
        (["accuracy", "small: short", "-o", "a.gif"], "suffix '.gif' is not one of .pdf, .svg, .png, .html"),
        (["accuracy", "small: short", "-o", "none/a.pdf"], "folder none does not exist"),
        (["accuracy", "nothing", "-o", "a.pdf"], "no run, group or definition 'nothing' in this store"),
        (["accuracy", "quickstart", "-o", "a.pdf"], "quickstart: no runs in the store"),
        (["course", "small: short", "-o", "a.pdf"], "course: none is recorded; to record one, put record:"),
        (["forks", "small: short", "-o", "a.pdf"], "forks: no study of forks (fork_at) has two finished runs"),
        (["accuracy", "eade9a6e", "-o", "a.pdf"], "no finished runs of multi-exit networks"),
    ],
)
def test_what_cannot_be_drawn_leaves_no_file(old_store: Path, arguments: list[str], said: str) -> None:
    done = invoke(old_store, "figure", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in " ".join(done.stderr.split())
    assert not (old_store / "a.csv").exists()
    assert not (old_store / "a.pdf").exists()


def test_a_table_of_ones_own_beside_the_figure_is_not_replaced(old_store: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("my,only,copy\n1,2,3\n")
    done = invoke(old_store, "figure", "accuracy", *GROUPS, "-o", str(tmp_path / "mine.svg"))
    assert done.returncode == 2
    assert "holds something else and would be lost" in " ".join(done.stderr.split())
    assert (tmp_path / "mine.csv").read_text() == "my,only,copy\n1,2,3\n"
    assert not (tmp_path / "mine.svg").exists()


def test_a_dollar_in_a_name_is_no_formula() -> None:
    """`a$b_{$` ended the figure of all groups with an error of matplotlib."""
    curve = Curve("own [dataset.path=a$b_{$.npz]", "", 2, (1.0, 2.0), (0.5, 0.6), None, None)
    overlay = Overlay("Accuracy", "exit", "accuracy (%)", None, has_exits=True, from_zero=False, curves=(curve,))
    assert "a$b_{$.npz" in paper_figure(overlay, "svg", 1).decode()
