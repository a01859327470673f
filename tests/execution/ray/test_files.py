from pathlib import Path

import pytest

from overthink.execution.ray.driver import TRAVEL_ALONG
from overthink.execution.ray.files import File, files_in, write


def test_files_arrive_whole_under_their_names(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    write(there, {"checkpoint.safetensors": b"1", "main/val.parquet": b"2", "worker.lock": b""})
    found = list(files_in(there, ("checkpoint.safetensors", "parent.safetensors", "main/*")))
    assert found == [File("checkpoint.safetensors", b"1"), File("main/val.parquet", b"2")]
    here.mkdir()
    write(here, dict(found))
    assert {str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()} == {
        "checkpoint.safetensors",
        "main/val.parquet",
    }


def test_predictions_that_label_a_policy_networks_samples_travel_along(tmp_path: Path) -> None:
    names = ["main/val.parquet", "labelled_by/key-of-one/val.parquet", "labelled_by/key-of-two/test.parquet"]
    write(tmp_path, dict.fromkeys([*names, "worker.lock"], b""))
    assert [file.name for file in files_in(tmp_path, TRAVEL_ALONG)] == names


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "main/../../out"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no file of"):
        write(tmp_path / "folder", {name: b""})


def test_a_file_that_is_replaced_is_another_one(tmp_path: Path) -> None:
    """Whoever has a link to the one before keeps that."""
    write(tmp_path, {"checkpoint.safetensors": b"old"})
    (tmp_path / "kept").hardlink_to(tmp_path / "checkpoint.safetensors")
    write(tmp_path, {"checkpoint.safetensors": b"new"})
    assert (tmp_path / "kept").read_bytes() == b"old"
