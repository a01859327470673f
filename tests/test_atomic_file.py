from pathlib import Path

import pytest

from overthink.atomic_file import atomic_write


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "file"):
        pass


def test_processes_of_one_number_in_two_containers_do_not_share_an_unfinished_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_write(path) as first:
        first.write_text("first, whole")
        with atomic_write(path) as second:
            second.write_text("second, ha")
            assert first.read_text() == "first, whole"
            second.write_text("second, whole")
        assert path.read_text() == "second, whole"
    assert path.read_text() == "first, whole"
    assert list(tmp_path.iterdir()) == [path]
