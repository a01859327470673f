"""Reading which exits of stored runs are right, with and without MLflow."""

from pathlib import Path

import numpy as np
import pytest

from overthink.predictions.predictions import Predictions
from overthink.store import sqlite_reader, tags
from overthink.store.client import Store
from overthink.store.correctness import CorrectnessReader
from overthink.store.writer import Writer
from support.repeats import by_difficulty, predictions


@pytest.fixture
def run(store: Store, tmp_path: Path) -> tuple[str, Predictions]:
    writer, (network,) = Writer(store), predictions(by_difficulty(1, 50))
    run_id = writer.create(store.experiment("e", "note"), "run", {tags.KIND: tags.KIND_RUN}, {})
    network.write(tmp_path / "test.parquet")
    writer.artifacts(run_id, [tmp_path / "test.parquet"], "predictions")
    return run_id, network


def test_from_the_files_of_this_machine(
    run: tuple[str, Predictions], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, network = run
    monkeypatch.setattr(Store, "artifact", None)  # nothing is fetched
    found = CorrectnessReader(store.uri)(run_id)
    np.testing.assert_array_equal(found.correct_EN, network.correct_EN)


def test_a_run_without_predictions_is_named(run: tuple[str, Predictions], store: Store) -> None:
    empty = Writer(store).create(store.experiment("e", "note"), "empty", {}, {})
    with pytest.raises(ValueError, match=f"run {empty[:8]} has no stored predictions"):
        CorrectnessReader(store.uri)(empty)


def test_from_elsewhere_it_is_fetched_once(
    run: tuple[str, Predictions], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, network = run
    monkeypatch.setattr(sqlite_reader, "artifact_folders", lambda database: {})
    CorrectnessReader(store.uri)(run_id)
    monkeypatch.setattr(Store, "artifact", None)
    found = CorrectnessReader(store.uri)(run_id)
    np.testing.assert_array_equal(found.correct_EN, network.correct_EN)


def test_a_copy_that_is_damaged_is_fetched_again(
    run: tuple[str, Predictions], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, network = run
    monkeypatch.setattr(sqlite_reader, "artifact_folders", lambda database: {})
    kept = tmp_path / "cache" / "overthink" / "predictions" / f"{run_id}.npz"
    CorrectnessReader(store.uri)(run_id)
    whole = kept.read_bytes()
    start = whole.index(b"ids_N.npy") + 9
    local, central = whole.index(b"PK\x03\x04") + 8, whole.index(b"PK\x01\x02") + 10
    of_another_method = bytearray(whole)
    of_another_method[local], of_another_method[central] = 9, 9  # Deflate64, which Python does not have
    noise = whole[: start + 20] + bytes(255 - byte for byte in whole[start + 20 : start + 60]) + whole[start + 60 :]
    for damage in (b"", b"PK\x03\x04noise", b"noise", noise, bytes(of_another_method)):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(damage)
        np.testing.assert_array_equal(CorrectnessReader(store.uri)(run_id).correct_EN, network.correct_EN)


def test_what_a_store_elsewhere_does_not_have_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reader, "artifact_folders", lambda database: {})
    empty = Writer(store).create(store.experiment("e", "note"), "empty", {}, {})
    with pytest.raises(ValueError, match=f"the predictions of run {empty[:8]} cannot be read"):
        CorrectnessReader(store.uri)(empty)


def test_a_database_that_cannot_be_read_has_no_folders(tmp_path: Path) -> None:
    (tmp_path / "noise.db").write_bytes(b"noise" * 1000)
    assert sqlite_reader.artifact_folders(tmp_path / "noise.db") == {}
    assert sqlite_reader.artifact_folders(tmp_path / "absent.db") == {}
    assert not (tmp_path / "absent.db").exists()
