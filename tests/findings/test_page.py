"""The page: how numbers look, and sentences that hold only while intervals support them."""

import pytest
from findings.errors import FindingsError
from findings.page import rendered
from findings.references import Number

RUNS = ("0123456789abcdef", "fedcba9876543210")
NUMBERS = {
    "rate": Number(0.19239, 0.18442, 0.2, 3, RUNS, ""),
    "gain": Number(0.0127, 0.002, 0.0234, 3, RUNS, ""),
    "loss": Number(-0.0861, -0.13, -0.042, 5, RUNS, ""),
    "nothing": Number(-0.0074, -0.0164, 0.0016, 5, RUNS, ""),
    "one run": Number(0.19, None, None, 1, RUNS[:1], ""),
    "correlation": Number(0.7712, 0.7, 0.8, 3, RUNS, ""),
}


def shown(template: str) -> str:
    return rendered(template, NUMBERS.__getitem__, {"made": "2026-11-27"})


@pytest.mark.parametrize(
    "template, text",
    [
        ("{{ 'rate' | percent }}", "19.2% [18.4, 20.0]"),
        ("{{ 'rate' | cell(2) }}", "19.24 [18.44, 20.00]"),
        ("{{ 'one run' | percent }}", "19.0%"),
        ("{{ 'loss' | points }}", "-8.6 points [-13.0, -4.2]"),
        ("{{ 'nothing' | signed(2) }}", "-0.74 [-1.64, +0.16]"),
        ("{{ 'correlation' | plain }}", "0.77 [0.70, 0.80]"),
        ("{{ 'loss' | n }}, {{ 'rate' | runs }}, {{ made }}", "5, 01234567 fedcba98, 2026-11-27"),
    ],
)
def test_numbers_are_shown_as_tables_show_them(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    "condition, holds",
    [
        ("above('gain')", True),
        ("above('nothing')", False),
        ("below('loss')", True),
        ("below('loss', -0.042)", False),
        ("below('loss', -0.041)", True),
        ("below('gain')", False),
        ("above('one run')", False),
        ("below('one run', 1)", False),
        ("undecided('one run')", True),
        ("undecided('nothing')", True),
        ("undecided('loss')", False),
        ("undecided('gain', 0.0234)", True),
        ("apart('gain', 'rate')", True),
        ("apart('rate', 'gain')", False),
        ("apart('rate', 'rate')", False),
        ("apart('gain', 'one run')", False),
        ("at_most('one run', 0.19)", True),
        ("at_most('one run', 0.18)", False),
        ("above('gain') and below('loss')", True),
        ("above('gain') and below('nothing')", False),
    ],
)
def test_a_sentence_stands_only_where_the_interval_supports_it(condition: str, holds: bool) -> None:
    template = (
        f"Before. {{% call claim({condition}) %}}\nIt falls\nby {{{{ 'loss' | points }}}}.\n{{% endcall %}}\n After."
    )
    if holds:
        assert shown(template) == "Before. It falls\nby -8.6 points [-13.0, -4.2].\n After."
        return
    with pytest.raises(FindingsError) as raised:
        shown(template)
    assert str(raised.value) == ("the store does not support this sentence: It falls by -8.6 points [-13.0, -4.2].")


def test_words_follow_the_interval() -> None:
    words = "'falls', 'rises', 'is not shown to change'"
    for name, word in (("loss", "falls"), ("gain", "rises"), ("nothing", "is not shown to change")):
        assert shown(f"It {{{{ either('{name}', {words}) }}}}.") == f"It {word}."
    assert shown(f"{{{{ either('one run', {words}) }}}}") == "is not shown to change"


@pytest.mark.parametrize(
    "template, said",
    [
        ("{{ maed }}", "the template: 'maed' is undefined"),
        ("\n{{ 'rate' | precent }}", "the template, line 2: No filter named 'precent'"),
        ("{% call claim(True) %}", "the template, line 1: "),
    ],
)
def test_a_mistake_in_a_template_is_one_sentence(template: str, said: str) -> None:
    with pytest.raises(FindingsError) as raised:
        shown(template)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
