import csv
import io
import json

import pytest
from rich.console import Console

from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.report import grids
from overthink.report.grids import Grid
from overthink.report.table_files import TEXTS, as_csv, as_html, as_json, as_latex, as_markdown, grid_as_latex
from overthink.report.tables import as_rich
from overthink.store import tags
from support.columns import in_columns
from support.stored_runs import parent, stored


def rows(variant: str = "short") -> list[Row]:
    runs = [
        parent("0 1 2", reported=0.1793, variant=variant),
        stored("0", last=0.6, variant=variant),
        stored("1", last=0.7, variant=variant),
        stored("2", tags.DIVERGED, variant=variant),
    ]
    return overthinking_rows(runs)


def test_a_terminal_of_80_columns_shows_all_numbers() -> None:
    shown = in_columns(as_rich(rows()))
    for part in ("65.00 ± 7.07", "paper 17.93", "2 of 3", "diverged:", "[1.5, 100.0]"):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_terminal_of_80_columns_shows_all_of_a_study() -> None:
    wide = ("88.1 ± 24.9", "[10.3, 64.5]")
    numbers = (*["\n".join(wide)] * 3, "83.2\n[50, 100]", "97.3\n[64, 100]", "1.40\n[1.2, 12.9]")
    arms = ("all", "augment", "kernel", "a name of arms")
    titles = ("Arm", "n", "Last exit", "Any later", "Final", "Churn", "Sample's share", "Lift")
    shown = in_columns(grids.as_rich(Grid(titles, [(arm, "8", *numbers) for arm in arms])))
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    for arm in ("all", "augment", "kernel", "a name"):
        assert f"\n{arm}" in shown
    for part in ("24.9", "64.5]", "100]", "12.9]"):
        assert part in shown


def test_csv_holds_fractions_with_all_digits() -> None:
    (record,) = csv.DictReader(io.StringIO(as_csv(rows())))
    assert float(record["test/accuracy/last/mean"]) == pytest.approx(0.65, abs=1e-15)
    assert record["test/overthinking/any_later/paper"] == "0.1793"
    assert record["gaps"] == "quickstart: short seed 2 diverged"


def test_json_names_the_runs_behind_each_number() -> None:
    (row,) = json.loads(as_json(rows()))["rows"]
    assert row["estimates"]["test/accuracy/last"]["n"] == 2
    assert row["run_ids"] == ["run-g1-0-0", "run-g1-1-0"]


def test_latex_has_booktabs_and_one_line_a_line() -> None:
    text = as_latex(rows())
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    assert r"65.00 $\pm$ 7.07" in body
    assert all(line.count("&") == 5 for line in body.splitlines()[1:] if "&" in line)


HOSTILE = "<script>alert(1)</script>|[red]x[/red]\\input{/etc/passwd}$&=1"


def test_names_from_a_store_are_never_markup() -> None:
    hostile = rows(HOSTILE)
    assert "<script>" not in as_html(hostile)
    assert "<script>" not in as_markdown(hostile)
    assert r"\input" not in as_latex(hostile)
    assert "[red]x[/red]" in in_columns(as_rich(hostile), 200)


def test_names_from_a_store_do_not_steer_the_terminal() -> None:
    assert "?[2Jcleared?back" in in_columns(as_rich(rows("\x1b[2Jcleared\rback")), 200)


STEERING = "b\n\\immediate\\write18{touch hurt}\x1b[31m<img src=x>"


def beside_a_baseline() -> list[Row]:
    """A row whose name stands in the caption, too."""
    runs = [parent("0 1", group=group, variant=variant) for group, variant in (("g1", "short"), ("g2", STEERING))]
    runs += [
        stored(seed, group=group, variant=variant, last=last)
        for group, variant, last in (("g1", "short", 0.6), ("g2", STEERING, 0.7))
        for seed in ("0", "1")
    ]
    return with_differences(overthinking_rows(runs), "short")


def test_a_caption_in_latex_is_one_comment() -> None:
    text = as_latex(beside_a_baseline())
    first, second, *_ = text.splitlines()
    assert "write18" in first
    assert first.startswith("% ")
    assert second.startswith(r"\begin{tabular}")
    assert "\x1b" not in text


def test_a_row_in_latex_is_no_argument_of_the_command_before_it() -> None:
    r"""A bracket or a star after \addlinespace, \midrule or \\ is."""
    for name in ("[9cm] a", "*a"):
        written = as_latex(overthinking_rows([stored("0", group="g1", variant=name)])).splitlines()
        written += grid_as_latex(Grid(("", "a"), [(name, "1"), (name, "2")])).splitlines()
        assert not [line for line in written if line.lstrip().startswith(("[", "*"))]


def test_a_name_in_markdown_is_no_link() -> None:
    image = "![a](http://example.org/a.png)"
    text = as_markdown(overthinking_rows([stored("0", group="g1", variant=image)]))
    assert r"![a]\(http" in text
    assert "](" not in text


def test_a_caption_in_markdown_holds_no_markup() -> None:
    text = as_markdown(beside_a_baseline())
    assert "&lt;img src=x&gt;" in text.splitlines()[-1]
    assert "<img" not in text
    assert "\x1b" not in text


def test_a_caption_does_not_steer_the_terminal() -> None:
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(as_rich(beside_a_baseline()))
    console.print(grids.as_rich(Grid(("", STEERING), [("a", STEERING)], STEERING)))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count("?[31m") == 5  # name and caption of the first; title, cell and caption of the second
    assert "\x1b[31m" not in shown


@pytest.mark.parametrize("form", TEXTS)
def test_no_text_steers_the_terminal_that_it_is_printed_on(form: str) -> None:
    assert "\x1b" not in TEXTS[form](beside_a_baseline())


def test_every_format_draws_no_rows() -> None:
    for text in TEXTS.values():
        assert isinstance(text([]), str)
