"""Files that are brought into the folder of a run: whole or not at all, whatever ends the process."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from overthink.execution.jobs import Job
from overthink.launching.recording.run_inputs import RunInputs
from overthink.launching.restoring import FolderEngine
from overthink.running.events import Failed
from overthink.training.regime import OWN_CHECKPOINT


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_half(source: Path, target: Path, **_: Any) -> None:
        content = Path(source).read_bytes()
        Path(target).write_bytes(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", copy_half)
    monkeypatch.setattr(shutil, "move", copy_half)


@pytest.mark.usefixtures("full_disk")
def test_an_import_that_fails_leaves_an_interrupted_run_its_checkpoint(tmp_path: Path) -> None:
    """Half a file in its place would keep `overthink run` from resuming or beginning the run."""
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / OWN_CHECKPOINT).write_bytes(b"of the exported run")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / OWN_CHECKPOINT).write_bytes(b"of the interrupted run")
    exported: Any = SimpleNamespace(
        definition=SimpleNamespace(key="a"),
        folder=tmp_path / "exported",
        files={OWN_CHECKPOINT: OWN_CHECKPOINT},
        checked=lambda: None,
    )
    order: Any = SimpleNamespace(folder=str(folder))
    (message,) = FolderEngine([exported]).execute([Job("a", order)])
    assert message is not None
    assert isinstance(message.event, Failed)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {OWN_CHECKPOINT: b"of the interrupted run"}


@pytest.mark.usefixtures("full_disk")
def test_half_an_artifact_is_not_left_in_the_folder_of_a_run(tmp_path: Path) -> None:
    """Nor by a kill: half of the earlier attempts would be taken for none, and not be fetched again."""
    (tmp_path / "artifact").write_text("artifact")
    store: Any = SimpleNamespace(artifact=lambda *_: tmp_path / "artifact")
    with pytest.raises(OSError, match="No space left"):
        RunInputs(store)._fetch("a", "artifact", tmp_path / "target")
    assert [file.name for file in tmp_path.iterdir()] == ["artifact"]
