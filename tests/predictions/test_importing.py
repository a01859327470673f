from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from overthink.metrics.catalogue import compute
from overthink.predictions.absent import needed
from overthink.predictions.columns import ColumnNames
from overthink.predictions.correctness import read_correctness
from overthink.predictions.importing import ExitCosts, content_digest, import_file
from overthink.predictions.predictions import Predictions
from support.outside import CONFIDENCE, CORRECT, Outside, outside, write_text

NAMES = ColumnNames(ids="Sample", confidence=CONFIDENCE, correct=CORRECT)
ONE = outside()
COSTS = ExitCosts((10, 25, 60), "MUL-ADDs")
PREDICTED_EN = ONE.logits_ENC.argmax(axis=2)


def read(path: Path, names: ColumnNames = NAMES, costs: ExitCosts | None = COSTS) -> Predictions:
    return import_file(path, "test", names, costs).predictions


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", " "])
def test_confidence_and_correctness_alone_whatever_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    found = read(write_text(tmp_path / "theirs.txt", ONE, delimiter))
    assert found.correct_EN.tolist() == ONE.correct_EN.tolist()
    assert found.absent == ("labels", "classes", "entropy", "top2_ratio", "confusion", "logits")
    np.testing.assert_allclose(needed(found.max_softmax_EN, "confidence"), ONE.probabilities_ENC.max(axis=2), atol=5e-5)
    assert needed(found.mul_adds_E, "MUL-ADDs").tolist() == [10, 25, 60]


def test_a_version_2_file_comes_back_bit_for_bit(tmp_path: Path) -> None:
    found = read(write_text(tmp_path / "theirs.txt", ONE), costs=ExitCosts((0.2, 0.5, 1.0), "relative"))
    found.write(tmp_path / "ours.parquet")
    again = import_file(tmp_path / "ours.parquet", "test", ColumnNames()).predictions
    assert (content_digest(again), again.fingerprint) == (content_digest(found), found.fingerprint)
    assert (again.cost_unit, again.mul_adds_E) == ("relative", None)
    assert read_correctness(tmp_path / "ours.parquet").correct_EN.tolist() == ONE.correct_EN.tolist()
    assert read_correctness(tmp_path / "ours.parquet").labels_N is None


def test_metrics_that_need_what_is_absent_are_absent_not_zero(tmp_path: Path) -> None:
    found = compute(read(write_text(tmp_path / "theirs.txt", ONE), costs=None))
    assert found["accuracy/last"] == ONE.correct_EN[-1].mean()
    assert found["oracle/accuracy"] == ONE.correct_EN.any(axis=0).mean()
    assert "calibration/ece/exit_1" in found
    assert not [name for name in found if "mul_adds" in name or "confusion" in name or "budget" in name]


@pytest.mark.parametrize("form", ["logits ENC", "logits NEC", "probabilities ENC", "columns"])
def test_all_forms_of_logits_give_the_same_predictions(tmp_path: Path, form: str) -> None:
    logits_ENC = ONE.logits_ENC.astype(np.float32)
    arrays = {"labels": ONE.labels_N, "logits": logits_ENC}
    if form == "logits NEC":
        arrays["logits"] = logits_ENC.swapaxes(0, 1)
    if form == "probabilities ENC":
        arrays["probabilities"] = ONE.probabilities_ENC
        del arrays["logits"]
    path, names = tmp_path / "theirs.npz", ColumnNames()
    np.savez(path, **arrays)  # type: ignore[arg-type]
    if form == "columns":
        path, names = tmp_path / "theirs.parquet", ColumnNames(logits="z{i}_{c}")
        columns = {f"z{i}_{c}": ONE.logits_ENC[i, :, c].astype(np.float32) for i in range(3) for c in range(4)}
        pq.write_table(pa.table({"label": ONE.labels_N, **columns}), path)
    found = read(path, names)
    assert needed(found.predicted_EN, "classes").tolist() == ONE.logits_ENC.argmax(axis=2).tolist()
    np.testing.assert_allclose(needed(found.max_softmax_EN, "confidence"), ONE.probabilities_ENC.max(axis=2), rtol=1e-5)
    assert found.absent == ()


def test_of_equal_logits_the_file_says_which_class_was_answered(tmp_path: Path) -> None:
    """Probabilities of two decimals: class 2 of sample 1 was the higher one before."""
    probabilities_ENC = np.array([[[0.4, 0.2, 0.4], [0.5, 0.3, 0.2]]])
    np.savez(tmp_path / "p.npz", probabilities=probabilities_ENC, predictions=[[2, 0]], labels=[2, 1])
    found = import_file(tmp_path / "p.npz", "test", ColumnNames()).predictions
    assert found.predicted_EN is not None
    assert found.predicted_EN.tolist() == [[2, 0]]
    assert found.correct_EN.tolist() == [[True, False]]
    np.savez(tmp_path / "q.npz", probabilities=probabilities_ENC, predictions=[[2, 1]], labels=[2, 1])
    with pytest.raises(ValueError, match="contradict each other for 1 of 2 answers, first at exit 1, row 2"):
        import_file(tmp_path / "q.npz", "test", ColumnNames())


def test_classes_with_confidences_and_labels(tmp_path: Path) -> None:
    predicted_EN = ONE.logits_ENC.argmax(axis=2)
    columns = {f"p{i}": predicted_EN[i] for i in range(3)} | {
        f"c{i}": ONE.probabilities_ENC[i].max(1) for i in range(3)
    }
    lines = [",".join(["y", "level", *columns])]
    lines += [
        ",".join([str(label), "hard" if label else "easy", *(str(values[row]) for values in columns.values())])
        for row, label in enumerate(ONE.labels_N)
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    found = read(tmp_path / "a.csv", ColumnNames(label="y", prediction="p{i}", confidence="c{i}"))
    assert found.correct_EN.tolist() == ONE.correct_EN.tolist()
    assert (found.level_names, found.levels_N[:5].tolist()) == (("easy", "hard"), [0, 1, 1, 1, 0])


def test_samples_are_in_the_order_of_their_ids_whatever_the_order_of_rows(tmp_path: Path) -> None:
    path = write_text(tmp_path / "theirs.txt", ONE)
    before = read(path)
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *reversed(rows)]), encoding="utf-8")
    assert content_digest(read(path)) == content_digest(before)


def test_an_object_array_is_refused_by_name_and_the_rest_is_read(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}, None], dtype=object)
    np.savez(tmp_path / "a.npz", labels=ONE.labels_N, logits=ONE.logits_ENC, notes=objects)
    found = import_file(tmp_path / "a.npz", "test", ColumnNames(), COSTS)
    assert found.predictions.n_exits == 3
    assert found.not_read == ("'notes': it holds Python objects, which are never read",)
    with pytest.raises(ValueError, match=r"a\.npz: 'notes' was not read: it holds Python objects"):
        read(tmp_path / "a.npz", ColumnNames(ids="notes"))


def test_labels_of_a_data_set_join_by_id_and_must_fit(tmp_path: Path) -> None:
    path = write_text(tmp_path / "theirs.txt", outside(samples=2000))
    labels_N = outside(samples=2000).labels_N
    found = import_file(path, "test", NAMES, COSTS, known_labels_N=labels_N).predictions
    assert needed(found.labels_N, "labels").tolist() == labels_N.tolist()
    with pytest.raises(ValueError, match=r"labels do not fit in this order: accuracy varies .* without --dataset"):
        import_file(path, "test", NAMES, COSTS, known_labels_N=np.random.default_rng(1).permutation(labels_N))
    with pytest.raises(ValueError, match="the data set has 100 samples, but there is id 100"):
        import_file(path, "test", NAMES, COSTS, known_labels_N=labels_N[:100])


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "old,new,message",
    [
        ("Conf_Exit_2", "Conf_Exit_4", r"columns 'Conf_Exit_\{i\}' .* have the numbers 1, 3, 4, but exits"),
        ("\n0\t0", "\n0\t1", r"confidences must lie between 0 and 1, got 1\.[0-9]+ in column 'Conf_Exit_1', row 1"),
        ("\n0\t", "\n1\t", "ids_N must name each sample once"),
        ("\t0\n", "\t2\n", r"correctness must be 0 or 1, got 2 in column 'Correct_Exit_3', row [0-9]+"),
        ("Sample", "Smple", r"no column 'Sample' \(--ids\); did you mean 'Smple'\?"),
        ("\n0\t", "\n0\tx\t", r"it cannot be read as txt: .*"),
    ],
)
def test_what_does_not_fit_is_one_sentence_naming_file_and_column(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = changed(write_text(tmp_path / "theirs.txt", ONE), old, new)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arrays,message",
    [
        ({"logits": ONE.logits_ENC}, "which exits are right cannot be told: it needs correctness"),
        (
            {"logits": ONE.logits_ENC, "labels": ONE.labels_N + 1},
            "between 0 and 3, got 4 in row .*numbered from 1, so take 1",
        ),
        ({"logits": ONE.logits_ENC, "labels": ONE.labels_N + 2}, r"between 0 and 3, got [45] in row \d+$"),
        (
            {"predictions": PREDICTED_EN, "labels": ONE.labels_N + 1},
            "begin at 1 and predicted .* at 0: .*% would be if",
        ),
        (
            {"predictions": PREDICTED_EN + 1, "labels": ONE.labels_N},
            "begin at 0 and predicted .* at 1: .*% would be if",
        ),
        ({"logits": ONE.logits_ENC, "labels": ONE.labels_N[:-1]}, r"has shape \(3, 120, 4\): which axis is of samples"),
        ({"probabilities": 2 * ONE.probabilities_ENC, "labels": ONE.labels_N}, "sum to 2 at exit 1, row 1"),
        ({"correct": ONE.correct_EN[:2]}, "--costs: 3 costs, but it has 2 exits"),
        ({"correct": ONE.correct_EN[:, :0]}, "it has no sample"),
        ({"correct": np.zeros((5, 5), dtype=bool)}, "name the order of the axes with --axes"),
        ({"correct": ~ONE.correct_EN, "logits": ONE.logits_ENC, "labels": ONE.labels_N}, "contradict each other"),
        (
            {"logits": np.full((3, 9, 4), np.nan), "labels": np.zeros(9, int)},
            "logits must be finite, got nan at exit 1",
        ),
        (
            {"other": ONE.correct_EN},
            "no logits, probabilities, predicted classes or correctness of exits; .*has other$",
        ),
        ({"logits": ONE.logits_ENC, "y": ONE.labels_N}, "cannot be told: .*; options such as --logits .*it has y$"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.npz", ColumnNames())


@pytest.mark.parametrize("name", ["a.npz", "a.parquet", "a.csv", "a.npy"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04nonsense", b"PK\x03\x04", b"1,2\n3,4\n"])
def test_a_file_that_is_no_table_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]*a\.[^\n]*$"):
        read(tmp_path / name)


def test_a_pickle_is_not_even_opened(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(ValueError, match="predictions are read from"):
        read(tmp_path / "a.pkl")


def _exit_rows(path: Path, network: Outside) -> list[str]:
    """Write a row for each sample and exit, in no order; return the lines."""
    sure_EN = network.probabilities_ENC.max(axis=2)
    rows = [
        f"{sample},{exit + 1},{sure_EN[exit, sample]:.4f},{int(network.correct_EN[exit, sample])}"
        for exit in range(3)
        for sample in np.random.default_rng(exit).permutation(len(network.labels_N))
    ]
    lines = ["sample,exit,conf,right", *rows]
    path.write_text("\n".join(lines))
    return lines


LONG = ColumnNames(ids="sample", confidence="conf", correct="right", exit="exit")


def test_a_row_for_each_sample_and_exit_is_the_same_as_a_column_an_exit(tmp_path: Path) -> None:
    network = outside()
    _exit_rows(tmp_path / "long.csv", network)
    write_text(tmp_path / "wide.txt", network)
    wide = import_file(
        tmp_path / "wide.txt", "test", ColumnNames(ids="Sample", confidence=CONFIDENCE, correct=CORRECT)
    ).predictions
    found = import_file(tmp_path / "long.csv", "test", LONG).predictions
    assert content_digest(found) == content_digest(wide)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda lines: lines[:-1], "each sample needs one row for each of the 3 exits in column 'exit', but sample"),
        (lambda lines: [*lines, lines[1]], "but sample"),
        (lambda lines: ["sample,depth,conf,right", *lines[1:]], "no column 'exit' \\(--exit\\)"),
        (lambda lines: ["id,exit,conf,right", *lines[1:]], "no column 'sample' \\(--ids\\)"),
    ],
)
def test_rows_that_do_not_make_samples(tmp_path: Path, change: Callable[[list[str]], list[str]], message: str) -> None:
    path = tmp_path / "long.csv"
    lines = _exit_rows(path, outside())
    path.write_text("\n".join(change(lines)))
    with pytest.raises(ValueError, match=message):
        import_file(path, "test", LONG)


def test_integers_beyond_63_bits_are_named_as_they_are(tmp_path: Path) -> None:
    one = outside()
    ids_N = np.arange(len(one.labels_N)).astype(np.uint64) + np.uint64(2**63)
    np.savez(tmp_path / "t.npz", logits=one.logits_ENC, labels=one.labels_N, ids=ids_N)
    with pytest.raises(ValueError, match=r"t\.npz: --ids must be below 2\^63, got 9223372036854775\d{3}$"):
        import_file(tmp_path / "t.npz", "test", ColumnNames())


def test_logits_that_float32_cannot_hold_are_named_as_they_are(tmp_path: Path) -> None:
    """They became infinite first, and the row was counted from 0."""
    logits_ENC = ONE.logits_ENC.astype(np.float64)
    logits_ENC[1, 2, 0] = 1e300
    np.savez(tmp_path / "theirs.npz", labels=ONE.labels_N, logits=logits_ENC)
    with pytest.raises(
        ValueError, match=r"logits must be finite float32 numbers, got 1e\+300 at exit 2, row 3 \(column"
    ):
        read(tmp_path / "theirs.npz", ColumnNames())
