"""Text that anybody may have written: bounded before it is parsed, harmless before it is shown."""

import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overthink.untrusted import DEEPEST_JSON, LONGEST_NAME, name_of, parse_json, reason

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text, why",
    [
        ("[" * 3000, "nested more than 50 deep"),
        ('{"a":' * 51 + "1" + "}" * 51, "nested more than 50 deep"),
        ('"' + "[" * 99, "it is not JSON"),
        ("9" * 5000, "it is not JSON"),
        ("", "it is not JSON"),
        ('["\\ud800"]', "not valid Unicode"),
        ('{"\\ud800": 1}', "not valid Unicode"),
        ("1" * 17, "it has 17 characters, more than 16"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_json(text, 16 if text == "1" * 17 else 10**6)


def test_brackets_in_strings_are_no_nesting() -> None:
    text = json.dumps(["[" * 1000, '\\"[' * 1000, {"{" * 1000: 1}])
    assert parse_json(text) == json.loads(text)
    assert parse_json("[" * DEEPEST_JSON + "]" * DEEPEST_JSON)


@pytest.mark.parametrize("text", ['\\"' * 300_000 + "[" * 60, '"' * 600_001 + "[" * 60, "[]" * 300_000, '"\\'])
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="it is"):
        parse_json(text)
    assert time.process_time() - started < 2


def test_no_depth_ends_the_interpreter() -> None:
    """However deep the caller is itself."""

    def deep(levels: int) -> object:
        return deep(levels - 1) if levels else parse_json("[" * DEEPEST_JSON + "]" * DEEPEST_JSON)

    assert deep(sys.getrecursionlimit() - 250)


def test_names_are_one_short_line() -> None:
    assert name_of("größe 4") == "größe 4"
    assert name_of("a\x1b[31m\u202e\nb\ud800") == "a?[31m??b?"
    assert len(name_of("x" * 9000)) == LONGEST_NAME
    assert reason(ValueError("")) == "ValueError"
    assert "\n" not in reason(ValueError("a\nb" * 900))


def test_a_path_is_taken_out_of_a_reason_before_that_is_cut() -> None:
    path = "/tmp/" + "long/" * 200 + "test.parquet"
    said = reason(ValueError(f"{path}: no magic bytes; {path} has 5"), path, "test.parquet")
    assert said == "test.parquet: no magic bytes; test.parquet has 5"
