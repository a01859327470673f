import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from overthink.predictions import bounds
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.predictions.softmax import LARGEST_RATIO

KEY = b"overthink.predictions"


def made(**changes: Any) -> Predictions:
    """Two exits, three samples, three classes; softmax values are tenths."""
    tenths_ENC = [[[8, 1, 1], [2, 5, 3], [1, 1, 8]], [[5, 3, 2], [1, 8, 1], [8, 1, 1]]]
    content: dict[str, Any] = {
        "logits_ENC": np.log(np.array(tenths_ENC, dtype=np.float64)),
        "labels_N": np.array([0, 1, 2]),
        "ids_N": np.array([7, 3, 40]),
        "levels_N": np.array([0, 1, 0]),
        "level_names": ("easy", "hard"),
        "cost_E": np.array([10, 25]),
        "fingerprint": "run abc data 0123",
        "split": "test",
        "keep_logits": True,
    }
    return Predictions.from_logits(**(content | changes))


def same(one: Predictions, other: Predictions) -> bool:
    for field in fields(Predictions):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            if not (isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)):
                return False
        elif a != b:
            return False
    return True


def test_hand_worked_predictions() -> None:
    predictions = made()
    assert predictions.n_exits == 2
    assert needed(predictions.predicted_EN, "classes").tolist() == [[0, 1, 2], [0, 1, 0]]
    assert predictions.correct_EN.tolist() == [[True, True, True], [True, True, False]]
    assert predictions.max_softmax_EN == pytest.approx(np.array([[0.8, 0.5, 0.8], [0.5, 0.8, 0.8]]))
    assert predictions.top2_ratio_EN == pytest.approx(np.array([[8, 5 / 3, 8], [5 / 3, 8, 8]]), rel=1e-6)
    sure = -0.8 * math.log(0.8) - 0.2 * math.log(0.1)
    torn = -sum(p * math.log(p) for p in (0.2, 0.3, 0.5))
    assert predictions.entropy_EN == pytest.approx(np.array([[sure, torn, sure], [torn, sure, sure]]), rel=1e-6)
    assert predictions.confusion_EN == pytest.approx(np.array([[0.6, 0.6, 1.4], [0, 0, 0]]), abs=1e-6)


def test_derived_values_do_not_depend_on_keeping_logits() -> None:
    assert same(replace(made(keep_logits=True), logits_ENC=None), made(keep_logits=False))


def test_a_tie_goes_to_the_lowest_class() -> None:
    assert needed(made(logits_ENC=np.zeros((2, 3, 3))).predicted_EN, "classes").tolist() == [[0, 0, 0], [0, 0, 0]]


def test_logits_out_of_proportion_stay_finite() -> None:
    predictions = made(logits_ENC=np.array([[[3e38, 0, -3e38]] * 3] * 2))
    assert needed(predictions.top2_ratio_EN, "top2_ratio").tolist() == [[LARGEST_RATIO] * 3] * 2
    assert needed(predictions.entropy_EN, "entropy").tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"logits_ENC": np.full((2, 3, 3), np.nan)}, "logits_ENC must be finite, got nan at exit 1, row 1"),
        ({"logits_ENC": np.full((2, 3, 3), 1e300)}, "logits_ENC must be finite, got inf"),
        (
            {"logits_ENC": np.zeros((2, 4, 3))},
            r"logits_ENC must be .*3 samples.*got float32 of shape \(2, 4, 3\)",
        ),
        ({"logits_ENC": np.zeros((2, 3, 1))}, "at least 2 classes"),
        ({"logits_ENC": np.zeros((0, 3, 3))}, "at least 1 exit"),
        ({"logits_ENC": np.zeros((3, 3))}, "logits_ENC must be"),
        ({"logits_ENC": np.zeros((3, 3, 3))}, "cost_E|predicted_EN"),
        ({"labels_N": np.array([0, 1, 3])}, "labels_N must lie between 0 and 2, got 3"),
        ({"labels_N": np.array([0, -1, 2])}, "labels_N must lie between 0 and 2, got -1"),
        ({"labels_N": np.array([0.0, 1.5, 2.0])}, "labels_N must be integers, got float64"),
        ({"ids_N": np.array([7, 7, 8])}, "ids_N must name each sample once"),
        ({"ids_N": np.array([7, -7, 8])}, "ids_N must lie between"),
        ({"ids_N": np.array([7, 8])}, "labels_N must be int64"),
        ({"levels_N": np.array([0, 1, 2])}, "levels_N must lie between 0 and 1, got 2"),
        ({"level_names": ()}, "levels_N must lie between 0 and 0, got 1"),
        ({"level_names": ("easy", "easy")}, "level_names must differ"),
        ({"cost_E": np.array([25, 10])}, r"cost_E is cumulative .* got \[25, 10\]"),
        ({"cost_E": np.array([0, 10])}, "cost_E must lie between 1"),
        ({"cost_E": np.array([10])}, r"predicted_EN must be int64 of shape \(1, 3\)"),
        ({"split": "holdout"}, "split must be one of train, val, test, everything, got 'holdout'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_no_samples_are_refused() -> None:
    nothing_N = np.zeros(0, dtype=np.int64)
    with pytest.raises(ValueError, match="logits_ENC must be"):
        made(logits_ENC=np.zeros((2, 0, 3)), labels_N=nothing_N, ids_N=nothing_N, levels_N=nothing_N)
    no_rows_EN = np.zeros((2, 0))
    with pytest.raises(ValueError, match=r"ids_N must be .*at least one value"):
        replace(made(keep_logits=False), ids_N=nothing_N, labels_N=nothing_N, entropy_EN=no_rows_EN)


@pytest.mark.parametrize(
    "field,value",
    [
        ("entropy_EN", np.nan),
        ("entropy_EN", -0.1),
        ("entropy_EN", np.inf),
        ("max_softmax_EN", 1.1),
        ("top2_ratio_EN", 0.9),
        ("top2_ratio_EN", np.inf),
        ("confusion_EN", 2.1),
        ("confusion_EN", 1.0),
    ],
)
def test_derived_values_out_of_bounds_are_refused(field: str, value: float) -> None:
    changes: dict[str, Any] = {field: np.full((2, 3), value)}
    with pytest.raises(ValueError, match=field):
        replace(made(), **changes)


def random_predictions(keep_logits: bool, level_names: tuple[str, ...] = ("a/b", "ü", "null")) -> Predictions:
    random = np.random.default_rng(5)
    return made(
        logits_ENC=random.normal(0, 8, (2, 200, 7)),
        labels_N=random.integers(0, 7, 200),
        ids_N=random.permutation(1000)[:200],
        levels_N=random.integers(0, max(len(level_names), 1), 200),
        level_names=level_names,
        keep_logits=keep_logits,
    )


@pytest.mark.parametrize("keep_logits", [True, False])
@pytest.mark.parametrize("level_names", [("a/b", "ü", "null"), ()])
def test_a_file_gives_back_every_bit(tmp_path: Path, keep_logits: bool, level_names: tuple[str, ...]) -> None:
    predictions = random_predictions(keep_logits, level_names)
    predictions.write(tmp_path / "test.parquet")
    assert same(Predictions.read(tmp_path / "test.parquet"), predictions)
    assert [path.name for path in tmp_path.glob("*.*")] == ["test.parquet"]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        random_predictions(keep_logits=True).write(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_file_is_plain_parquet_for_others(tmp_path: Path) -> None:
    made().write(tmp_path / "test.parquet")
    table = pq.ParquetFile(tmp_path / "test.parquet").read()
    exits = [
        f"exit_{i}_{name}"
        for i in (1, 2)
        for name in ("prediction", "max_softmax", "entropy", "top2_ratio", "confusion", "logits")
    ]
    assert table.column_names == ["sample_id", "label", "level", *exits]
    assert table["level"].to_pylist() == ["easy", "hard", "easy"]
    assert table["exit_2_prediction"].to_pylist() == [0, 1, 0]
    assert table["exit_1_logits"].type == pa.list_(pa.float32(), 3)
    header = {
        "format_version": 1,
        "split": "test",
        "cost": [10, 25],
        "level_names": ["easy", "hard"],
        "fingerprint": "run abc data 0123",
    }
    assert json.loads(table.schema.metadata[KEY]) == header


def test_a_failed_write_leaves_the_file_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "test.parquet"
    made().write(path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(OSError, match="no space"):
        made(fingerprint="another").write(path)
    assert Predictions.read(path).fingerprint == "run abc data 0123"
    assert len(list(tmp_path.glob("*.*"))) == 1


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Predictions.read(tmp_path / "absent.parquet")


def put(name: str, values: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, values)


def meta(**changes: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        header = json.loads(table.schema.metadata[KEY]) | changes
        return table.replace_schema_metadata({KEY: json.dumps(header)})

    return change


@pytest.mark.parametrize(
    "change,message",
    [
        (lambda t: t.drop_columns(["label"]), "column label is missing"),
        (lambda t: t.drop_columns(["exit_2_entropy"]), "column exit_2_entropy is missing"),
        (lambda t: t.drop_columns(["exit_2_logits"]), "column exit_2_logits is missing"),
        (
            lambda t: t.append_column("more", pa.array([1, 2, 3])),
            "columns that predictions do not have: .'more'",
        ),
        (lambda t: t.append_column("label", pa.array([1, 2, 3])), "do not have: repeated names"),
        (put("label", pa.array([0, 1, 2], pa.int32())), "column label is int32, expected int64"),
        (put("label", pa.array([0, None, 2])), "column label has missing values"),
        (put("label", pa.array([0, -1, 2])), "labels_N must lie between .* got -1"),
        (put("label", pa.array([0, 3, 2])), "labels_N must lie between 0 and 2, got 3"),
        (put("sample_id", pa.array([5, 5, 2])), "ids_N must name each sample once"),
        (put("level", pa.array(["easy", "odd", "hard"])), "column level has entries that are not among"),
        (put("level", pa.array(["easy", None, "hard"])), "column level has entries that are not among"),
        (put("exit_1_entropy", pa.array([0.1, float("nan"), 0.1])), "entropy_EN must lie between"),
        (put("exit_1_max_softmax", pa.array([0.1, -0.1, 0.1])), "max_softmax_EN must lie between 0 and 1"),
        (put("exit_1_prediction", pa.array([0, 9, 0])), "predicted_EN must lie between 0 and 2, got 9"),
        (
            put("exit_1_logits", pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2))),
            "column exit_2_logits is",
        ),
        (put("exit_1_logits", pa.array([[1.0]] * 3, pa.list_(pa.float32()))), "expected a fixed-size list"),
        (
            put("exit_1_logits", pa.array([[1.0] * 3, None, [1.0] * 3], pa.list_(pa.float32(), 3))),
            "missing|size=3",
        ),
        (
            put("exit_1_logits", pa.array([[1.0] * 3, [1, 2, None], [1.0] * 3], pa.list_(pa.float32(), 3))),
            "missing",
        ),
        (
            put("exit_1_logits", pa.array([[np.inf] * 3] * 3, pa.list_(pa.float32(), 3))),
            "logits_ENC must be finite",
        ),
        (lambda t: t.slice(0, 0), "at least one value"),
        (lambda t: t.replace_schema_metadata(None), "has no metadata"),
        (lambda t: t.replace_schema_metadata({KEY: "{"}), "metadata is not valid: JSON"),
        (lambda t: t.replace_schema_metadata({KEY: b"\xff"}), "metadata is not valid"),
        (lambda t: t.replace_schema_metadata({KEY: "[" * 100_000}), "metadata is not valid"),
        (meta(format_version=3), "format_version: Input should be 1 or 2"),
        (meta(surprise=1), "surprise"),
        (meta(split="holdout"), "split must be one of train, val, test, everything"),
        (meta(split=3), "split: "),
        (meta(cost=[]), "cost: "),
        (meta(cost=[10, -25]), "cost.1: "),
        (meta(cost=[10, 2**70]), "cost.1: "),
        (meta(cost=[10, 2.5]), "cost.1: "),
        (meta(cost=[10, 10**16]), "cost.1: "),
        (meta(cost=[25, 10]), "cost_E is cumulative"),
        (meta(cost=[10, 25, 30]), "column exit_3_prediction is missing"),
        (meta(cost=[10]), "do not have"),
        (meta(level_names=[]), "column level has entries that are not among"),
        (meta(level_names=["easy", "hard", "hard"]), "level_names must differ"),
        (meta(level_names=["easy", "\x1b[31mhard"]), "level_names: they have characters that cannot be shown"),
        (put("label", pa.array([0, 10**12, 0])), "labels_N must lie between 0 and 999999"),
        (put("exit_1_entropy", pa.array([0.1, 1e300, 0.1])), "entropy_EN must lie between 0 and 13.8"),
        (meta(cost=list(range(1, 102))), "it has 101 exits, more than 100"),
    ],
)
def test_a_doctored_file_is_refused_in_one_sentence(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    path = tmp_path / "doctored.parquet"
    made().write(path)
    pq.write_table(change(pq.ParquetFile(path).read()), path)
    with pytest.raises(ValueError, match=message) as caught:
        Predictions.read(path)
    assert str(caught.value).startswith(f"{path} cannot be read as predictions: ")
    assert "\n" not in str(caught.value)


def table_of(rows: int, level: pa.Array | None = None) -> pa.Table:
    """A table that is a file of predictions, of as many equal rows."""
    one = pq.ParquetFile(BytesIO(content())).read()
    columns = {name: pa.array(np.full(rows, one[name][0].as_py())) for name in one.column_names if "logits" not in name}
    table = pa.table(columns | {"level": pa.repeat("easy", rows) if level is None else level})
    return table.replace_schema_metadata(one.schema.metadata)


def content() -> bytes:
    with TemporaryDirectory() as folder:
        made().write(Path(folder) / "made.parquet")
        return (Path(folder) / "made.parquet").read_bytes()


def test_few_bytes_that_stand_for_much_memory_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """Run lengths and dictionaries: a file of a hundred kilobytes would take gigabytes."""
    rows, path = 600_000, tmp_path / "small.parquet"
    few = pa.array(["easy" * 10**6] * 50)
    cases: dict[str, tuple[pa.Table, dict[str, Any]]] = {
        "would take more than 64,000,000 bytes": (table_of(rows), {}),
        "would take more than 64,000,00": (table_of(20, pa.array(["easy" * 10**6] * 20)), {"use_dictionary": False}),
        "among the levels": (table_of(50, few), {"use_dictionary": ["level"]}),
        "level is encoded otherwise": (
            table_of(50, few),
            {"use_dictionary": False, "column_encoding": {"level": "DELTA_BYTE_ARRAY"}},
        ),
    }
    for message, (table, how) in cases.items():
        pq.write_table(table, path, compression="zstd", **how)
        assert path.stat().st_size < 300_000
        with pytest.raises(ValueError, match=message):
            Predictions.read(path)


def test_a_file_that_is_large_itself_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LARGEST_DECODED", 10)
    one = random_predictions(keep_logits=True)
    one.write(tmp_path / "large.parquet")
    assert same(Predictions.read(tmp_path / "large.parquet"), one)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"{}"])
def test_what_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(ValueError, match="not a readable Parquet file"):
        Predictions.read(tmp_path / "other")


def test_a_damaged_file_is_refused_or_harmless(tmp_path: Path) -> None:
    path, random = tmp_path / "damaged.parquet", np.random.default_rng(0)
    predictions = random_predictions(keep_logits=True)
    predictions.write(path)
    content = path.read_bytes()
    for _ in range(150):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            read = Predictions.read(path)
        except ValueError:
            continue
        assert np.array_equal(needed(read.predicted_EN, "classes"), needed(predictions.predicted_EN, "classes"))
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not a readable Parquet file"):
        Predictions.read(path)
