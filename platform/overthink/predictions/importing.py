"""Predictions of a network trained elsewhere, from a file: what it holds becomes known, and nothing else does."""

import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from overthink.predictions import column_values
from overthink.predictions.absent import CostUnit
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.arrays import costs as as_costs
from overthink.predictions.column_values import check_same, check_shapes
from overthink.predictions.columns import ColumnNames, Columns, as_integers
from overthink.predictions.common_samples import in_order_of_ids
from overthink.predictions.file import METADATA_KEY
from overthink.predictions.numbering import check_labels, check_same_numbering
from overthink.predictions.plausible import check_label_order
from overthink.predictions.predictions import Predictions
from overthink.predictions.probing import read_parquet
from overthink.predictions.tables import read_table
from overthink.untrusted import one_line


class ExitCosts(NamedTuple):
    """Cumulative costs of the exits, as a person gives them."""

    values: tuple[float, ...]
    unit: CostUnit


class Imported(NamedTuple):
    """What a file held."""

    predictions: Predictions
    sha256: str
    """Of the file."""
    not_read: tuple[str, ...]
    """A clause for each array or column that was left out."""


def import_file(
    path: Path,
    split: str,
    names: ColumnNames,
    costs: ExitCosts | None = None,
    known_labels_N: IntArray | None = None,
    keep_logits: bool = True,
) -> Imported:
    """Return the predictions in a file.

    `known_labels_N` are labels of the samples of a data set, for a file without labels: they join by sample id, or
    where the file has no ids, by row. A file that overthink wrote is taken as it is, bit for bit. Raises ValueError,
    in one sentence naming the file and the column, for what does not fit.
    """
    if (own := _own(path, split)) is not None:
        if costs is not None and own.exits[1:] != costs:
            raise ValueError(f"{one_line(str(path))}: --costs are other ones than the file holds")
        return Imported(own, _sha256(path), ())
    table = read_table(path)
    columns = Columns(table, names)
    try:
        labels_N = _joined(columns, known_labels_N) if "label" not in columns else None
        found = in_order_of_ids(_predictions(columns, split, costs, labels_N, keep_logits))
        if labels_N is not None:
            check_label_order(found)
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(columns.where) else f"{columns.where}: {text}") from error
    not_read = tuple(f"{name!r}: {why}" for name, why in table.refused.items())
    return Imported(replace(found, fingerprint=f"imported {content_digest(found)[:16]}"), _sha256(path), not_read)


def content_digest(predictions: Predictions) -> str:
    """Return the SHA-256 of all that predictions hold, whatever file they came from."""
    digest = hashlib.sha256()
    for field in fields(predictions):
        value = getattr(predictions, field.name)
        if isinstance(value, np.ndarray):
            digest.update(f"{field.name} {value.dtype} {value.shape} ".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        elif field.name != "fingerprint":
            digest.update(f"{field.name} {value!r} ".encode())
    return digest.hexdigest()


def _own(path: Path, split: str) -> Predictions | None:
    """Return the predictions of a file that overthink wrote; None for any other."""
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return None
    try:
        is_own = read_parquet(path, _is_own)
    except (OSError, ValueError):  # read_table says what is wrong with it
        return None
    if not is_own:
        return None
    found = Predictions.read(path)
    if found.split != split:
        raise ValueError(f"{one_line(str(path))}: it holds predictions of split {found.split}, not {split}")
    return found


def _is_own(file: BinaryIO) -> bool:
    return METADATA_KEY in (pq.read_schema(file).metadata or {})


def _predictions(
    columns: Columns, split: str, costs: ExitCosts | None, labels_N: IntArray | None, keep_logits: bool
) -> Predictions:
    n_samples = columns.n_samples() if labels_N is None else len(labels_N)
    logits_ENC = column_values.logits(columns, n_samples)
    predicted_EN = column_values.classes(columns, n_samples)
    sure_EN = column_values.confidence(columns, n_samples)
    correct_EN = column_values.correct(columns, n_samples)
    labels_N = column_values.labels(columns) if "label" in columns else labels_N
    known = [one for one in (logits_ENC, predicted_EN, sure_EN, correct_EN) if one is not None]
    if not known:
        raise ValueError(f"it has no logits, probabilities, predicted classes or correctness of exits{columns.there}")
    exits, samples = known[0].shape[:2]
    check_shapes([*known], (exits, samples), labels_N)
    if correct_EN is None and (labels_N is None or (logits_ENC is None and predicted_EN is None)):
        raise ValueError(
            "which exits are right cannot be told: it needs correctness (--correct), or labels (--label or --dataset) "
            f"with predicted classes, logits or probabilities{columns.there}"
        )
    levels_N, level_names = column_values.levels(columns, samples)
    ids_N = as_integers(columns.per_sample("ids"), "--ids") if "ids" in columns else np.arange(samples)
    common: dict[str, Any] = {
        "ids_N": ids_N,
        "levels_N": levels_N,
        "level_names": level_names,
        "cost_E": None,
        "fingerprint": "imported",
        "split": split,
    }
    if logits_ENC is None:
        answers = _from_answers(common, labels_N, predicted_EN, sure_EN, correct_EN)
        return answers if costs is None else _with_costs(answers, costs)
    if labels_N is not None:
        check_labels(labels_N, logits_ENC.shape[2])
    found = Predictions.from_logits(
        logits_ENC,
        labels_N=np.zeros(samples, dtype=np.int64) if labels_N is None else labels_N,
        keep_logits=keep_logits,
        **common,
    )
    if costs is not None:
        found = _with_costs(found, costs)
    if predicted_EN is not None:
        answered_EN = _highest(logits_ENC, predicted_EN)
        check_same(predicted_EN, answered_EN, "predicted classes", "the highest logits")
        found = replace(found, predicted_EN=answered_EN)
    if labels_N is not None:
        if correct_EN is not None:
            check_same(correct_EN, found.correct_EN, "correctness", "labels and logits")
        return found
    return replace(found, labels_N=None, given_correct_EN=correct_EN)


def _highest(logits_ENC: NDArray[np.float32], predicted_EN: IntArray) -> IntArray:
    """Return the class of the highest logit; of equal ones, as rounding makes them, the predicted one if it is such."""
    n_classes = logits_ENC.shape[2]
    own_EN1 = np.take_along_axis(logits_ENC, np.clip(predicted_EN, 0, n_classes - 1)[:, :, None], axis=2)
    is_highest_EN = (own_EN1[:, :, 0] == logits_ENC.max(axis=2)) & (predicted_EN >= 0) & (predicted_EN < n_classes)
    return np.where(is_highest_EN, predicted_EN, logits_ENC.argmax(axis=2))


def _from_answers(
    common: dict[str, Any],
    labels_N: IntArray | None,
    predicted_EN: IntArray | None,
    sure_EN: FloatArray | None,
    correct_EN: BoolArray | None,
) -> Predictions:
    """Return predictions without logits: of classes, confidences, correctness, whatever is there."""
    told = predicted_EN is not None and labels_N is not None
    if predicted_EN is not None and labels_N is not None:
        check_same_numbering(labels_N, predicted_EN)
        if correct_EN is not None:
            check_same(correct_EN, np.equal(predicted_EN, labels_N), "correctness", "labels and predicted classes")
    unknown = dict.fromkeys(("entropy_EN", "top2_ratio_EN", "confusion_EN", "logits_ENC"))
    return Predictions(
        **common,
        **unknown,  # type: ignore[arg-type]
        labels_N=labels_N,
        predicted_EN=predicted_EN,
        max_softmax_EN=sure_EN,
        given_correct_EN=None if told else correct_EN,
    )


def _joined(columns: Columns, known_labels_N: IntArray | None) -> IntArray | None:
    """Return the labels of a file's samples, from those of a data set."""
    if known_labels_N is None or "ids" not in columns:
        return known_labels_N
    ids_N = as_integers(columns.per_sample("ids"), "--ids")
    outside_M = ids_N[(ids_N < 0) | (ids_N >= len(known_labels_N))]
    if len(outside_M):
        raise ValueError(f"--ids: the data set has {len(known_labels_N):,} samples, but there is id {outside_M[0]}")
    joined_N: IntArray = known_labels_N[ids_N]
    return joined_N


def _with_costs(predictions: Predictions, costs: ExitCosts) -> Predictions:
    if len(costs.values) != predictions.n_exits:
        raise ValueError(f"--costs: {len(costs.values)} costs, but it has {predictions.n_exits} exits")
    return replace(predictions, cost_E=as_costs(costs.values, costs.unit), cost_unit=costs.unit)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
