"""Files that end the process that reads them, or never end: each is one sentence, and this process goes on."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from overthink.predictions import probing, reading_process
from overthink.predictions.columns import ColumnNames
from overthink.predictions.course_file import read_course
from overthink.predictions.file import read_file
from overthink.predictions.importing import import_file
from overthink.predictions.probing import read_parquet
from overthink.predictions.reading_process import ReadingProcess
from overthink.predictions.tables import read_table
from support import parquet_readers
from support.marks import ONE


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingProcess]:
    """Another process for each test, which has read nothing; this one knows no file."""
    made = ReadingProcess()
    monkeypatch.setattr(probing, "_process", lambda pid: made)
    monkeypatch.setattr(probing, "_KNOWN", set())
    yield made
    made.end()


@pytest.fixture
def none_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_process, "_started", lambda: pytest.fail("a process starts"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.parquet"
    path.write_bytes(b"some")
    return path


def test_a_fault_is_a_sentence_and_the_next_file_is_read(file: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="reading it ends the process"):
            read_parquet(file, parquet_readers.fault)
    file.write_bytes(b"good")
    assert read_parquet(file, parquet_readers.fault) == os.getpid()


def test_contradictory_predictions(tmp_path: Path) -> None:
    """Where pyarrow ends no process (any more), it says what is wrong, or reads them."""
    ONE.write(tmp_path / "whole.parquet")
    damaged = tmp_path / "test.parquet"
    damaged.write_bytes(parquet_readers.contradictory((tmp_path / "whole.parquet").read_bytes()))
    for read in (read_file, read_course, read_table, lambda path: import_file(path, "test", ColumnNames())):
        with suppress(ValueError):
            read(damaged)


@pytest.mark.parametrize("reader", [parquet_readers.spin, parquet_readers.sleep])
def test_reading_without_end(file: Path, reader: Callable[[BinaryIO], None], monkeypatch: pytest.MonkeyPatch) -> None:
    is_busy = reader is parquet_readers.spin
    monkeypatch.setattr(reading_process, "PROCESSOR_SECONDS" if is_busy else "SECONDS", 1)
    with pytest.raises(ValueError, match="reading it ends the process"):
        read_parquet(file, reader)


def test_any_error_is_a_sentence(file: Path) -> None:
    with pytest.raises(ValueError, match=r"^it is not a readable Parquet file \(b'level'\)$"):
        read_parquet(file, parquet_readers.missing)


def test_a_file_is_not_blamed_for_one_before(file: Path, process: ReadingProcess) -> None:
    request = {
        "path": str(file),
        "sha256": hashlib.sha256(b"some").hexdigest(),
        "module": parquet_readers.__name__,
        "function": "half_ended",
        "arguments": (),
    }
    assert [process.problem(request) for _ in range(2)] == [None, None]


def test_a_file_read_before_starts_no_process(
    file: Path, process: ReadingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_parquet(file, parquet_readers.size) == 4
    process.end()
    monkeypatch.setattr(probing, "_KNOWN", set())  # another process: the cache knows it
    monkeypatch.setattr(reading_process, "_started", lambda: pytest.fail("a process starts"))
    assert read_parquet(file, parquet_readers.size) == 4


@pytest.mark.usefixtures("none_starts")
def test_an_own_file_starts_no_process(tmp_path: Path) -> None:
    ONE.write(tmp_path / "test.parquet")
    read_file(tmp_path / "test.parquet")
    read_file(tmp_path / "test.parquet", only=("label",))


def test_trust_is_in_bytes_and_not_in_names(file: Path) -> None:
    file.write_bytes(b"good")
    read_parquet(file, parquet_readers.fault)
    about = file.stat()
    file.write_bytes(b"evil")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(ValueError, match="reading it ends the process"):
        read_parquet(file, parquet_readers.fault)


def test_a_file_that_was_read_in_one_way_is_not_known_in_another(file: Path) -> None:
    assert read_parquet(file, parquet_readers.size) == 4
    with pytest.raises(ValueError, match="reading it ends the process"):
        read_parquet(file, parquet_readers.fault)


def test_a_cache_that_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))  # no folder
    assert read_parquet(file, parquet_readers.size) == 4
    monkeypatch.setattr(reading_process, "_started", lambda: pytest.fail("a process starts"))
    assert read_parquet(file, parquet_readers.size) == 4


def test_without_room_for_a_process_a_file_is_read_directly(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert read_parquet(file, parquet_readers.size) == 4


def test_the_process_ends_with_the_one_that_started_it(file: Path, process: ReadingProcess) -> None:
    read_parquet(file, parquet_readers.size)
    started = process._process
    assert started is not None
    assert started.stdin is not None
    started.stdin.close()
    started.wait(timeout=60)
