"""The file of a course: what is written is what is read, it is small, and nothing else is taken for one."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from overthink.predictions.course import Course
from overthink.predictions.course_file import METADATA_KEY, read_course, write_course
from support.courses import course, realistic


def equal(one: Course, other: Course) -> bool:
    arrays = ("ids_N", "labels_N", "correct_TEN", "confidence_TEN")
    same = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    return same and (one.moments, one.split, one.fingerprint) == (other.moments, other.split, other.fingerprint)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    whole = realistic(7, 3, 11)
    write_course(tmp_path / "a.parquet", whole)
    write_course(tmp_path / "b.parquet", whole)
    assert equal(read_course(tmp_path / "a.parquet"), whole)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_others_read_it_without_this_package(tmp_path: Path) -> None:
    """A row per sample, a list per exit."""
    whole = realistic(4, 2, 5)
    write_course(tmp_path / "a.parquet", whole)
    table = pq.read_table(tmp_path / "a.parquet").to_pydict()
    assert table["sample_id"] == [0, 1, 2, 3, 4]
    assert table["exit_2_confidence"][3] == whole.confidence_TEN[:, 1, 3].tolist()
    assert table["exit_1_correct"][0] == whole.correct_TEN[:, 0, 0].astype(int).tolist()


def test_ten_thousand_samples_of_five_exits_and_two_hundred_epochs_are_small(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_course(path, realistic(200, 5, 10_000))
    assert path.stat().st_size < 15_000_000
    assert read_course(path).correct_TEN.shape == (200, 5, 10_000)


def changed(path: Path, **columns: Any) -> None:
    table = pq.read_table(path)
    for name, values in columns.items():
        place = table.schema.names.index(name)
        table = table.remove_column(place) if values is None else table.set_column(place, name, values)
    pq.write_table(table, path)


def lists(values: list[list[int | None]]) -> pa.Array:
    return pa.array(values, pa.list_(pa.uint8(), len(values[0])))


@pytest.mark.parametrize(
    "columns, sentence",
    [
        ({"label": None}, "its column label is missing"),
        ({"exit_2_confidence": pa.array([1, 2])}, "its column exit_2_confidence is int64, expected fixed_size_list"),
        ({"exit_1_correct": lists([[0, 1, 2], [0, 1, 1]])}, "hold 0 or 1, and also 2"),
        ({"exit_1_correct": lists([[0, None, 1], [0, 1, 1]])}, "its columns exit_i_correct have missing values"),
        ({"sample_id": pa.array([4, 4])}, "ids_N must differ from each other"),
    ],
)
def test_a_file_that_is_no_course_is_refused(tmp_path: Path, columns: dict[str, Any], sentence: str) -> None:
    path = tmp_path / "a.parquet"
    write_course(path, course(np.zeros((3, 2, 2), dtype=bool)))
    changed(path, **columns)
    with pytest.raises(ValueError, match=sentence):
        read_course(path)


def test_what_the_metadata_says_is_validated(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_course(path, course(np.zeros((3, 2, 2), dtype=bool)))
    table = pq.read_table(path)
    text = table.schema.metadata[METADATA_KEY].decode()
    cases = {
        "no course of a training": None,
        r"not valid: exits: Input should be greater than or equal to 1": text.replace('"exits":2', '"exits":0'),
        "expected fixed_size_list": text.replace('{"epoch":1.0,"step":10,"phase":1,"lr":0.1},', ""),
        "moments must follow each other": text.replace('"step":20', '"step":5'),
    }
    for sentence, instead in cases.items():
        pq.write_table(table.replace_schema_metadata({} if instead is None else {METADATA_KEY: instead}), path)
        with pytest.raises(ValueError, match=sentence):
            read_course(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="not a readable Parquet file"):
        read_course(path)
