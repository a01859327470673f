"""Answers that are kept in the cache."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from overthink import kept
from overthink.kept import Kept, code_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "overthink" / "numbers"  # of tests/conftest.py


@pytest.fixture
def numbers() -> Kept[list[int]]:
    return Kept("numbers", TypeAdapter(list[int]))


def test_an_answer_is_kept_for_its_question_alone(numbers: Kept[list[int]]) -> None:
    assert numbers.get({"a": 1}) is None
    numbers.put({"a": 1, "b": [2]}, [3, 4])
    assert numbers.get({"b": [2], "a": 1}) == [3, 4]
    assert numbers.get({"a": 1, "b": [3]}) is None
    assert Kept("others", TypeAdapter(list[int])).get({"a": 1, "b": [2]}) is None


@pytest.mark.parametrize("content", [b"damaged", b'{"a": 1}', b'[1, "x"]', b"\xff", b""])
def test_what_cannot_be_read_is_found_again(numbers: Kept[list[int]], folder: Path, content: bytes) -> None:
    numbers.put({}, [1])
    (file,) = folder.iterdir()
    file.write_bytes(content)
    assert numbers.get({}) is None
    numbers.put({}, [2])
    assert numbers.get({}) == [2]


def test_a_cache_that_cannot_be_written_to_keeps_nothing(numbers: Kept[list[int]], folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    numbers.put({}, [1])
    assert numbers.get({}) is None


def test_a_change_of_the_code_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "training" / "inner").mkdir(parents=True)
    monkeypatch.setattr(kept, "PACKAGE", tmp_path)
    monkeypatch.setattr(kept, "code_of", code_of.__wrapped__)

    def source() -> str:
        return kept.code_of("networks", "training")["source_sha256"]

    empty = source()
    (tmp_path / "training" / "inner" / "loop.py").write_text("1")
    first = source()
    (tmp_path / "training" / "inner" / "loop.py").write_text("2")
    second = source()
    assert len({empty, first, second}) == 3
    (tmp_path / "training" / "inner" / ".#loop.py").symlink_to("ann@laptop.1234")  # the editor's lock
    assert source() == second
