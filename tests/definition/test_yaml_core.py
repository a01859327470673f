"""Values as the tables of YAML 1.2's core schema give them (https://yaml.org/spec/1.2.2/#103-core-schema)."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overthink.definition.yaml_core import YamlError, dump_yaml, parse_yaml

BOMB = "a: &a [1, 2, 3]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefgh")
)


@pytest.mark.parametrize(
    "text, value",
    [
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("0o7", 7),
        ("0x3A", 58),
        ("-19", -19),
        ("0.", 0.0),
        ("-0.0", 0.0),
        (".5", 0.5),
        ("+12e03", 12000.0),
        ("-2E+05", -200000.0),
        ("1e-4", 1e-4),
        ("1.5e0", 1.5),
        ("010", 10),
        ("08", 8),
        ("1e", "1e"),
        ("e4", "e4"),
        *((text, text) for text in "1:30 1:30.5 2:10 1_000 1_0.5 0b1 on off yes No y n On tRue 2026-11-23 = .".split()),
        ("2026-11-23 10:00:00", "2026-11-23 10:00:00"),
        ("'12'", "12"),
        ('"\\ud83d\\ude00"', "😀"),
        ("|\n  1\n", "1\n"),
        ("\ufeff[a]", ["a"]),
        ("{on: 1, off: no}", {"on": 1, "off": "no"}),
        ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
        ("%YAML 1.2\n--- 5\n...\n", 5),
    ],
)
def test_values_by_hand(text: str, value: Any) -> None:
    assert parse_yaml(text) == value
    assert type(parse_yaml(text)) is type(value)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("a: 1\na: 2", r"key 'a' is repeated \(line 2, column 1\)"),
        ("1: 2", 'key 1 is not text; write "1" in quotes'),
        ("True: 2", 'key True is not text; write "True" in quotes'),
        ("? [a]\n: 2", "key is not text"),
        ("<<: {a: 1}", "merge keys"),
        *(
            (f"a: !{tag} x", f"tag !{tag}: tags are not read")
            for tag in ("!binary", "!timestamp", "!bool", "!str", "foo")
        ),
        ("a: !!python/object/apply:os.system [ls]", "tags are not read"),
        ("a: !!set {b}", "tags are not read"),
        ("a: ! 5", "tag !: tags are not read"),
        ("a: 1\n---\na: 2", "a second document begins"),
        ("a:\n\tb: 1", "indent with spaces"),
        ("a: &x [*x]", "more than 40 levels"),
        ("[" * 5000, "more than 40 levels"),
        ("a: *x", "undefined alias"),
        (BOMB, "with its aliases written out"),
        (f"a: &a {'x' * 100_000}\nb: [*a, *a, *a]", "with its aliases written out"),
        (".nan", "not a finite number"),
        ("-.INF", "not a finite number"),
        ("1e999", "not a finite number"),
        ("9" * 5000, "5000 digits"),
        ("0x" + "9" * 5000, "5002 digits"),
        ("a: 1\nb: \0", r"control character .* \(line 2, column 4\)"),
        ('a: "\\0"', "control character"),
        ('a: "\\e[31m"', "control character"),
        ('a: "\\ud800"', "control character"),
        ('a: "\\UFFFFFFFF"', "stands for no character"),
    ],
)
def test_what_is_not_read(text: str, problem: str) -> None:
    with pytest.raises(YamlError, match=problem):
        parse_yaml(text)


WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12) | st.sampled_from(
    "1e5 0o17 08 1:30 on off yes ~ null 0x1f 1_000 .5 1. .inf .nan 1e-3 << = - ? 1E5 +1 -.5e3 0b1 @ true".split()
)
PLAIN = st.recursive(
    WORD | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none(),
    lambda children: st.lists(children) | st.dictionaries(WORD, children),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(PLAIN, st.sampled_from([None, False]))
def test_what_is_written_is_read_back(value: Any, flow: bool | None) -> None:
    assert parse_yaml(dump_yaml(value, flow)) == value


def test_a_shared_list_is_written_twice() -> None:
    shared = [1, 2]
    assert parse_yaml(dump_yaml({"a": shared, "b": shared})) == {"a": [1, 2], "b": [1, 2]}
    assert "&" not in dump_yaml({"a": shared, "b": shared})


def test_what_is_written_steers_no_terminal() -> None:
    text = dump_yaml({"a": "right to left \u202e", "b": "\x1b[31m", "c": "x\n\ty "})
    assert text.replace("\n", "").isprintable()
