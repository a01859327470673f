from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from overthink.definition.errors import DefinitionError
from overthink.definition.source import Overrides, dump_yaml, find, override, parse_yaml, read_yaml


def written(folder: Path, text: str) -> Path:
    path = folder / "broken.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text, problem",
    [
        ("a: [1, 2", "line 1"),
        ("a: 1\na: 2", "'a' is repeated"),
        ("a: &x [1]\nb: *x", "aliases are not allowed"),
        ("1: 2", "key 1 is not text"),
        ("- 1", "expected keys and values, got list"),
        ("", "expected keys and values"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: " + "[" * 5000, "not readable as YAML"),
    ],
)
def test_unreadable_files_are_named_with_the_reason(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DefinitionError) as raised:
        read_yaml(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert problem in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_file_folder_and_binary_file(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no such file"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(DefinitionError, match="is a directory"):
        read_yaml(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionError, match="not UTF-8"):
        read_yaml(tmp_path / "binary")


def test_a_huge_file_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(10_000_000)
    with pytest.raises(DefinitionError, match="larger than"):
        read_yaml(path)


def test_dates_stay_text() -> None:
    assert parse_yaml("2026-11-23") == "2026-11-23"


def test_override_by_hand() -> None:
    raw = {"a": {"b": [{"c": 1}, {"c": 2}]}}
    assert override(raw, "a.b.1.c", 5, "here") == {"a": {"b": [{"c": 1}, {"c": 5}]}}
    assert override(raw, "x.y", 1, "here") == {**raw, "x": {"y": 1}}
    assert raw == {"a": {"b": [{"c": 1}, {"c": 2}]}}


@pytest.mark.parametrize("path", ["a.b.2.c", "a.b.c", "a.b.0.c.d"])
def test_override_through_nothing_is_refused(path: str) -> None:
    with pytest.raises(DefinitionError, match="here: "):
        override({"a": {"b": [{"c": 1}]}}, path, 0, "here")


def test_settings_read_values_as_a_file_would() -> None:
    settings = Overrides.parse(["a=1", "b=[1, 2]", "c=text", "d=", "e=x=y"])
    assert settings.apply({}) == {"a": 1, "b": [1, 2], "c": "text", "d": None, "e": "x=y"}


def test_a_number_without_a_point_is_a_number() -> None:
    assert parse_yaml("[1e-4, 1E3, -2e+1, 1.5e-4, 1e, e4]") == [1e-4, 1e3, -20.0, 1.5e-4, "1e", "e4"]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DATA = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@given(DATA, st.sampled_from([False, None]))
@example({"a": "1e4", "b": "yes", "c": "2026-11-23", "d": "\x1b[31m\u202e", "1e4": "~", "e": "x\n\ty "}, None)
def test_what_is_written_is_read_back_and_steers_no_terminal(data: Any, flow: bool | None) -> None:
    text = dump_yaml(data, flow)
    assert parse_yaml(text) == data
    assert text.replace("\n", "").isprintable()


def test_no_aliases_are_written() -> None:
    shared = [1, 2]
    assert parse_yaml(dump_yaml({"a": shared, "b": shared})) == {"a": shared, "b": shared}


def test_a_place_is_a_plain_number() -> None:
    with pytest.raises(DefinitionError, match="is not an index of the list, 0 to 1"):
        override({"a": [1, 2]}, "a.²", 0, "here")


@pytest.mark.parametrize("text", ["a", "=1", "a..b=1", "a=[1"])
def test_unreadable_settings_are_named(text: str) -> None:
    with pytest.raises(DefinitionError, match="--set"):
        Overrides.parse([text])


def test_shipped_definitions_are_found_by_name() -> None:
    assert find("quickstart").name == "quickstart.yaml"
    assert find("some/where.yaml") == Path("some/where.yaml")
    with pytest.raises(DefinitionError, match="did you mean 'quickstart'"):
        find("quikstart")
