from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overthink.predictions import file
from overthink.predictions.correctness import Correctness, read_correctness
from support.repeats import by_difficulty, predictions


def test_it_is_that_of_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the columns of confidence are not read."""
    (network,) = predictions(by_difficulty(1, 50))
    network.write(tmp_path / "test.parquet")
    read: list[str] = []
    to_numpy = file._to_numpy

    def noted(name: str, *rest: Any) -> Any:
        read.append(name)
        return to_numpy(name, *rest)

    monkeypatch.setattr(file, "_to_numpy", noted)
    found = read_correctness(tmp_path / "test.parquet")
    assert read == ["sample_id", "label", "exit_1_prediction", "exit_2_prediction", "exit_3_prediction"]
    np.testing.assert_array_equal(found.correct_EN, network.correct_EN)
    np.testing.assert_array_equal(found.ids_N, network.ids_N)
    np.testing.assert_array_equal(found.labels_N, network.labels_N)


def test_other_samples_and_other_labels_are_not_the_same() -> None:
    one = Correctness(np.array([0, 1]), np.array([2, 2]), np.array([[True, False]]))
    assert one.is_of_same_samples(one._replace(correct_EN=~one.correct_EN))
    assert not one.is_of_same_samples(one._replace(ids_N=np.array([1, 0])))
    assert not one.is_of_same_samples(one._replace(labels_N=np.array([2, 3])))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "noise.parquet"
    path.write_bytes(b"noise" * 100)
    with pytest.raises(ValueError, match="it is not a readable Parquet"):
        read_correctness(path)
