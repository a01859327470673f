"""A folder appears whole or not at all."""

from pathlib import Path

import pytest

from overthink.running.new_folder import new_folder


def test_what_was_filled_gets_its_name(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a" / "b") as place:
        (place / "file").write_text("content")
        assert not (tmp_path / "a" / "b").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in (tmp_path / "a").rglob("*")] == ["a/b", "a/b/file"]


def test_a_failure_leaves_nothing_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "a" / "b" / "c", tmp_path / "there" / "c"):
        with pytest.raises(IsADirectoryError), new_folder(folder) as place:
            place.write_text("a folder is no file")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="file: it exists already"), new_folder(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "mine"
