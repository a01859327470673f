"""docs/tutorial.ipynb runs from the first cell to the last, here on a small store."""

import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from support.old_store import unpack

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


@pytest.mark.process
def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack(tmp_path)
    monkeypatch.setenv("OVERTHINK_TUTORIAL", "small.yaml")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    notebook = nbformat.read(TUTORIAL, as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's machinery
        NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [str(output) for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("\\toprule" in output for output in outputs)
    assert (tmp_path / "accuracy-and-cost.html").exists()


def test_the_tutorial_is_stored_without_outputs() -> None:
    notebook = nbformat.read(TUTORIAL, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
