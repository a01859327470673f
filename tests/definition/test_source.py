import os
from pathlib import Path

import pytest

from overthink.definition.errors import DefinitionError
from overthink.definition.source import Overrides, find, override, read_yaml


def written(folder: Path, text: str) -> Path:
    path = folder / "broken.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text, problem",
    [
        ("a: [1, 2", "line 1"),
        (
            "a: !!binary aGk=",
            "tag !!binary: tags are not read; write the value alone, a text in quotes (line 1, column 4)",
        ),
        ("- 1", "expected keys and values, got list"),
        ("", "expected keys and values, got an empty file"),
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
    for number, content in enumerate((b"\xff\xfe\x00", b"caf\xe9: 1", b"\x80")):
        (tmp_path / str(number)).write_bytes(content)
        with pytest.raises(DefinitionError, match="not UTF-8"):
            read_yaml(tmp_path / str(number))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_have_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.yaml").write_bytes("a: größe 😀\r\n".encode(encoding))
    assert read_yaml(tmp_path / "a.yaml") == {"a": "größe 😀"}


def test_a_huge_file_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(10_000_000)
    with pytest.raises(DefinitionError, match="larger than"):
        read_yaml(path)


def test_what_is_no_file_is_never_read(tmp_path: Path) -> None:
    """A device has no end, opening a pipe waits for a writer, and the size of a file in /proc is 0."""
    os.mkfifo(tmp_path / "pipe.yaml")
    for name in ("/dev/zero", "/dev/full", "/dev/stdin", str(tmp_path / "pipe.yaml")):
        with pytest.raises(DefinitionError, match=r"is a (device or a pipe, not a file|directory)"):
            read_yaml(find(name))
    with pytest.raises(DefinitionError, match="/proc/self/maps: "):
        read_yaml(Path("/proc/self/maps"))


@pytest.mark.parametrize("name", ["x" * 300, "é" * 200, f"{'x' * 300}.yaml", f"{'folder/' * 900}a.yaml"])
def test_a_name_longer_than_a_file_name_may_be(name: str) -> None:
    with pytest.raises(DefinitionError, match=r"no such file|file name too long") as raised:
        read_yaml(find(name))
    assert len(str(raised.value)) < 600


def test_override_by_hand() -> None:
    raw = {"a": {"b": [{"c": 1}, {"c": 2}]}}
    assert override(raw, "a.b.1.c", 5, "here") == {"a": {"b": [{"c": 1}, {"c": 5}]}}
    assert override(raw, "x.y", 1, "here") == {**raw, "x": {"y": 1}}
    assert raw == {"a": {"b": [{"c": 1}, {"c": 2}]}}


@pytest.mark.parametrize("path", ["a.b.2.c", "a.b.c", "a.b.0.c.d", "x" + ".x" * 5000])
def test_override_through_nothing_is_refused(path: str) -> None:
    with pytest.raises(DefinitionError, match="here: "):
        override({"a": {"b": [{"c": 1}]}}, path, 0, "here")


def test_settings_read_values_as_a_file_would() -> None:
    settings = Overrides.parse(["a=1", "b=[1, 2]", "c=text", "d=", "e=x=y", "f=1:30", "g=off"])
    assert settings.apply({}) == {"a": 1, "b": [1, 2], "c": "text", "d": None, "e": "x=y", "f": "1:30", "g": "off"}


def test_a_setting_is_not_lost_in_a_later_one() -> None:
    """The label of a group names each setting: one without effect would be in it, too."""
    raw = {"regime": [{"lr": 0.1}]}
    assert Overrides.parse(['regime=[{"lr": 1}]', "regime.0.lr=2", "regime.0.lr=3"]).apply(raw) == {
        "regime": [{"lr": 3}]
    }
    lost = Overrides.parse(["regime.0.lr=2", "regimes=1", "regime=[]"])
    words = r"^--set regime=\[\]: it would replace regime\.0\.lr, set before it; put it first$"
    with pytest.raises(DefinitionError, match=words):
        lost.apply(raw)


def test_a_place_is_a_plain_number() -> None:
    with pytest.raises(DefinitionError, match="is not an index of the list, 0 to 1"):
        override({"a": [1, 2]}, "a.²", 0, "here")


@pytest.mark.parametrize("text", ["a", "=1", "a..b=1", "a=[1", "a=!!set {b}", "a=.nan", "a=1e999"])
def test_unreadable_settings_are_named(text: str) -> None:
    with pytest.raises(DefinitionError, match="--set"):
        Overrides.parse([text])


def test_shipped_definitions_are_found_by_name() -> None:
    assert find("quickstart").name == "quickstart.yaml"
    assert find("some/where.yaml") == Path("some/where.yaml")
    with pytest.raises(DefinitionError, match="did you mean 'quickstart'"):
        find("quikstart")


def test_options_that_are_not_utf_8() -> None:
    for text in ("caf\udce9=3", "name=caf\udce9"):
        with pytest.raises(DefinitionError, match=r"^--set .*caf\?.*: not UTF-8 in this locale"):
            Overrides.parse([text])
