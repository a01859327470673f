import re

import pytest

from overthink.comparison.difference import Difference, difference_of
from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.report.differences import (
    difference_lines,
    differences_sentence,
    meaning,
    p_text,
    seeds_text,
    verdict,
)
from overthink.report.table_files import TEXTS, as_csv, as_html, as_json
from overthink.report.tables import OVERTHINKING, TITLES, as_rich
from support.columns import in_columns
from support.stored_runs import parent, stored

LAST = "test/accuracy/last"


def rows(differences: list[float], margin: float | None = None) -> list[Row]:
    """A baseline, and a variant that differs from it by so much at the last exit and of the oracle, a seed each."""
    seeds = [str(seed) for seed in range(len(differences))]
    runs = [parent(f"0:{len(seeds)}", group=group, variant=group) for group in ("short", "long")]
    for seed, difference in zip(seeds, differences, strict=True):
        runs += [stored(seed, group="short", variant="short", last=0.5)]
        runs += [stored(seed, group="long", variant="long", last=0.5 + difference)]
    return with_differences(overthinking_rows(runs), "short", margin=margin)


CLEAR = [0.10, 0.11, 0.12, 0.10, 0.11, 0.12, 0.10, 0.12]


def one(values: list[float], margin: float | None = None) -> Difference:
    return difference_of(LAST, values, 4, margin)


def test_the_interval_decides() -> None:
    found = one(CLEAR)
    assert verdict(found) == "higher"
    assert verdict(one([-value for value in CLEAR])) == "lower"
    assert verdict(one([0.1, -0.1, 0.2])) == "no difference shown"
    assert verdict(one([0.1, 0.1])) == "no interval, the same difference for every seed"
    assert verdict(one([0.1])) == "no interval, one seed"
    assert verdict(found._replace(p=0.9, sign_flip_p=0.9, effect=None)) == "higher"


def test_no_verdict_rests_on_one_comparison_alone() -> None:
    """Three seeds whose own 95% interval excludes 0, as in every twentieth of 16 comparisons: it was "probably"."""
    values = [0.10, 0.12, 0.16]
    assert verdict(difference_of(LAST, values)) == "higher"
    assert verdict(difference_of(LAST, values, 16)) == "no difference shown"


def test_equal_where_the_interval_keeps_the_margin() -> None:
    small = [0.001, -0.001, 0.002, 0.0, 0.001, -0.002]
    assert verdict(one(small)) == "no difference shown"
    assert verdict(one(small, 0.01)) == "equal within 1 point"
    assert verdict(one([0.005 + value / 10 for value in small], 0.01)) == "higher, but equal within 1 point"
    assert verdict(one(CLEAR, 0.005)) == "higher"
    assert verdict(one([0.1, -0.1, 0.2], 0.005)) == "no difference shown"
    assert verdict(one([0.0], 0.01)) == "no interval, one seed"


def test_cells() -> None:
    assert difference_lines(None) == ()
    assert difference_lines(one([0.1])) == ("Δ +10.00",)
    assert difference_lines(one([0.1, 0.1])) == ("Δ +10.00",)
    assert difference_lines(one(CLEAR)) == ("Δ +11.00", "[+9.9, +12.1]", "p <0.0001")
    assert difference_lines(one([0.9, -0.7])) == ("Δ +10.00", "n.d.", "p 1")
    assert difference_lines(one([0.031, 0.028, 0.022]))[1] == "[+0.4, +5.0]"


def test_rounding_never_moves_p_across_the_level() -> None:
    assert [p_text(p) for p in (0.0496, 0.05, 0.0504, 0.049, 0.3)] == ["0.0496", "0.05", "0.0504", "0.049", "0.3"]


@pytest.mark.parametrize("values, margin", [(CLEAR, None), (CLEAR, 0.2), ([0.1, -0.1, 0.2], 0.01), ([0.3, 0.1], None)])
def test_no_sentence_contradicts_a_number_beside_it(values: list[float], margin: float | None) -> None:
    found = one(values, margin)
    assert found.p is not None
    assert found.low is not None
    assert found.high is not None
    words = verdict(found)
    assert words.startswith(("higher", "lower")) == (found.p <= 0.05) == (not found.low <= 0 <= found.high)
    if margin is not None:
        assert found.equal_p is not None
        assert ("equal" in words) == (found.equal_p <= 0.05) == (-margin <= found.low and found.high <= margin)


def test_the_meaning_says_what_decides_and_what_cannot() -> None:
    said = differences_sentence(rows(CLEAR[:5]), TITLES)
    assert "[Interval] and p: paired t-test over seeds, corrected for 4 comparisons (Holm), for new seeds on" in said
    assert "supposes no normal distribution (sign-flip) could show a difference from 8 seeds on." in said
    assert "long: higher: accuracy last exit, oracle accuracy; no interval, the same difference" in said
    assert "sign-flip p" not in said
    assert "(About n seeds)" not in said
    assert "robably" not in said
    alone = meaning([difference_of(LAST, [0.1, -0.1, 0.2])])
    assert "[Interval] and p: paired t-test over seeds, for new seeds on these test samples." in alone
    assert differences_sentence(rows([0.1]), TITLES).endswith("on the same data. long: no interval, one seed.")
    assert meaning([one([0.1])]).endswith("seed by seed on the same data.")


def test_the_sign_flip_test_is_shown_once_it_can_show_something() -> None:
    said = differences_sentence(rows(CLEAR), TITLES)
    assert "Sign-flip p: of an exact test" in said
    assert "seeds on." not in said
    assert "accuracy last exit (sign-flip p 0.031)" in said


def test_a_disagreement_of_the_two_tests_is_pointed_out() -> None:
    """Nine seeds a little higher and one a lot: t sees spread, the sign-flip test ten of one sign."""
    said = differences_sentence(rows([0.01, 0.012] * 5 + [0.4]), TITLES)
    assert re.search(r"no difference shown: accuracy last exit \(about \d+ seeds; sign-flip p 0.0039\)", said)
    assert "look at the seeds one by one" in said
    assert "one by one" not in differences_sentence(rows(CLEAR), TITLES)


def test_no_more_digits_of_seeds_than_are_known() -> None:
    assert [seeds_text(needed) for needed in (2, 99, 554, 1000, 1001)] == [
        *("about 2 seeds", "about 99 seeds", "about 560 seeds", "about 1000 seeds", "more than 1000 seeds")
    ]


def test_seeds_that_are_needed_are_said_where_none_is_shown() -> None:
    said = differences_sentence(rows([0.01, -0.01, 0.02]), TITLES)
    assert "(About n seeds): so many would show a true difference of this size in 80% of cases" in said
    assert "no difference shown: accuracy last exit (about 62 seeds), oracle accuracy (about 62 seeds)" in said
    said = differences_sentence(rows([0.01, -0.01, 0.02], 0.0005), TITLES)
    assert "true difference of 0.05 points" in said
    assert "accuracy last exit (more than 1000 seeds)" in said
    assert "for all comparisons at once keeps within ±0.05." in said


def test_every_format_says_them() -> None:
    compared = rows(CLEAR, 0.2)
    for form, said in (
        ("markdown", "Δ +11.00<br>[+9.9, +12.1]<br>p &lt;0.0001"),
        ("latex", r"$\Delta$ +11.00"),
        ("html", "Δ +11.00"),
    ):
        assert said in TEXTS[form](compared)
    assert "baseline" in TEXTS["markdown"](compared)
    assert "baseline" not in TEXTS["markdown"](overthinking_rows([stored("0")]))
    assert f"{LAST}/difference/share_higher" in as_csv(compared)
    assert "higher, but equal within 20 points" in as_csv(compared)
    assert '"margin": 0.2' in as_json(compared)


def test_html_has_the_details() -> None:
    """A row a metric; Hedges's g of two seeds is none, where it was 0."""
    page = as_html(rows(CLEAR))
    assert "<td>quickstart: long</td><td>Accuracy last exit</td><td>higher</td><td>8</td><td>+11.00</td>" in page
    assert "<td>0.031<br>least 0.031</td>" in page
    assert "<td>100%<br>53 to 100</td>" in page
    assert "<td>-</td><td>50%" in as_html(rows([0.1, -0.2]))
    assert "P(higher)" not in as_html(rows([0.1]))
    assert "P(higher)" not in as_html(overthinking_rows([stored("0")]))


@pytest.mark.parametrize("differences", [CLEAR, [0.4, -0.3], [0.31, 0.12]])
def test_a_terminal_of_80_columns_shows_all_numbers(differences: list[float]) -> None:
    compared = rows(differences)
    shown = in_columns(as_rich(compared, OVERTHINKING))
    assert max(map(len, shown.splitlines())) <= 80
    for line in difference_lines(compared[1].differences[LAST]):
        assert line in shown
