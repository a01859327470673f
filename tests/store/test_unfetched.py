"""An artifact that a store has and does not give: no reader and no resumed run takes it for one that is not there."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException

from overthink.launching.recording.run_inputs import RunInputs
from overthink.store.client import Store
from overthink.store.errors import MissingArtifactError
from overthink.store.liveness import NO_PROCESS
from overthink.store.tags import PROVENANCE_FILE
from overthink.store.unreadable import UnfetchedError

CHECKPOINT = "checkpoint/checkpoint.safetensors"
SAID = "The following failures occurred while downloading\n##### File a #####\n502 Server Error: Bad Gateway"


def listed(name: str) -> FileInfo:
    return FileInfo(name, False, 9)


def failing(listing: list[FileInfo] | MlflowException) -> Any:
    """Return a repository behind a gateway: it lists these files, or not even that, and gives none."""

    def list_artifacts(_: str | None) -> list[FileInfo]:
        if isinstance(listing, MlflowException):
            raise listing
        return listing

    def download_artifacts(*_: object) -> None:
        raise MlflowException(SAID)

    return SimpleNamespace(
        artifact_uri="mlflow-artifacts:/1/a", list_artifacts=list_artifacts, download_artifacts=download_artifacts
    )


@pytest.mark.parametrize(
    "listing", [[*map(listed, (CHECKPOINT, PROVENANCE_FILE))], MlflowException("500 Server Error")]
)
def test_what_cannot_be_fetched_is_not_called_missing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listing: Any
) -> None:
    """A run that is resumed on another machine would begin anew, and say nothing of it."""
    monkeypatch.setattr(store, "repository", lambda _: failing(listing))
    with pytest.raises(UnfetchedError, match=r"^run a: .*safetensors: it cannot be fetched .*502 Server Error: Bad"):
        store.artifact("a", CHECKPOINT, tmp_path)
    run: Any = SimpleNamespace(stored=SimpleNamespace(run_id="a", started_ms=0, forced=False, process=NO_PROCESS))
    for fetch in (RunInputs(store)._checkpoint, RunInputs(store)._attempts):
        with pytest.raises(UnfetchedError):
            fetch(run, tmp_path)


def test_what_a_store_does_not_list_is_missing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "repository", lambda _: failing([listed("checkpoint/another")]))
    with pytest.raises(MissingArtifactError):
        store.artifact("a", CHECKPOINT, tmp_path)
