"""Networks of stored runs as files for other programs: ONNX and torch.export."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from overthink.cli.commands.export import export
from overthink.definition.errors import DefinitionError
from overthink.inference.budgeted import LookupTable
from overthink.running.segments import check
from overthink.running.segments.files import SegmentPassage
from overthink.store import tags
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.writer import Writer
from support.command import invoke
from support.outside import COLUMNS, outside, write_text
from support.two_exits import TwoExits, two_exits

PAGE = Path(__file__).parents[3] / "docs" / "export.md"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TwoExits:
    return two_exits(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def run_id(store: Store, trained: TwoExits) -> str:
    return trained.stored(store)


def finite(table: LookupTable, row: int) -> list[float | None]:
    return [None if limit == np.inf else limit for limit in table.threshold_PE[row, :-1].tolist()]


def test_the_printed_example_runs_onnx_files_as_the_package_predicts(
    run_id: str, trained: TwoExits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = trained.table()
    most = float(np.median(table.mean_cost_P))
    assert export([run_id[:8]], tmp_path / "out", "onnx", budget=most, as_json=True) == 0
    (done,) = json.loads(capsys.readouterr().out)
    folder = Path(done["folder"])
    assert sorted(path.name for path in folder.iterdir()) == ["exit-1.onnx", "exit-2.onnx", "model.json"]
    assert list((tmp_path / "out").iterdir()) == [folder]
    model = json.loads((folder / "model.json").read_text())
    assert model["thresholds"] == finite(table, table.fitting(most))
    assert (model["budget"], model["criterion"], model["run"]["run_id"]) == (most, "max-softmax", run_id)
    assert [one["mul_adds"] for one in model["exits"]] == table.cost_E.tolist()
    assert model["classes"] == list(trained.network.data_info.classes)
    assert (model["checked"]["images"], model["checked"]["of"]) == (80, "test images")
    assert model["checked"]["largest_difference"] < 1e-4
    limit = trained.half()
    (folder / "model.json").write_text(json.dumps({**model, "thresholds": [limit]}))
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "class" in block]
    printed: dict[str, Any] = {}
    exec(example, printed)
    answers = printed["Network"](folder).classify(trained.test_images)
    expected = trained.predicted(limit)
    assert 20 < expected.exits.count(1) < 60
    assert [answer[0] for answer in answers] == expected.classes
    assert [answer[2] for answer in answers] == expected.exits
    assert [answer[1] for answer in answers] == pytest.approx(expected.confidence, rel=1e-4)


def test_without_a_budget_the_most_accurate_thresholds_are_chosen(
    run_id: str, trained: TwoExits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export([run_id], tmp_path / "out", "torch", criterion="patience", as_json=True) == 0
    (model,) = json.loads(capsys.readouterr().out)
    table = trained.table("patience")
    assert model["thresholds"] == finite(table, int(table.accuracy_P.argmax()))
    assert model["budget"] is None
    assert [row["validation_accuracy"] for row in model["budgets"]] == table.accuracy_P.tolist()
    assert [one["file"] for one in model["exits"]] == ["exit-1.pt2", "exit-2.pt2"]
    with pytest.raises(ValueError, match="it exists already"):
        export([run_id], tmp_path / "out", "torch")


def test_files_that_compute_something_else_are_not_kept(
    run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Off(SegmentPassage):
        def next_logits(self) -> torch.Tensor:
            return super().next_logits() + 1e-3

    monkeypatch.setattr(check, "SegmentPassage", Off)
    said = r"do not compute what this package predicts .* none were kept: a logit of exit 1 differs by"
    with pytest.raises(ValueError, match=said):
        export([run_id], tmp_path / "deeper" / "out", "torch")
    assert not (tmp_path / "deeper").exists()


@pytest.mark.parametrize(
    "options, said",
    [
        ({"form": "tflite"}, "--format tflite: expected one of files, onnx, torch, mlflow"),
        ({"form": "torch", "criterion": "margin"}, r"criterion must be one of max-softmax, .* got 'margin'"),
        ({"form": "torch", "budget": 5}, "a budget of 5 MUL-ADDs per sample is below the cost of the cheapest"),
        ({"form": "onnx", "budget": float("inf")}, "--budget inf: expected a number of MUL-ADDs per image"),
        ({"data_root": Path("data")}, "--data-root data: it has an effect only with --format onnx, torch or mlflow"),
        ({"budget": 5}, "--budget is for --format onnx and torch"),
        ({"form": "mlflow", "criterion": "entropy"}, "--criterion is for --format onnx and torch"),
        ({"form": "mlflow", "register": "digits"}, "--register is for --format mlflow without --output"),
        ({"form": "onnx", "output": None}, "--format onnx needs a folder: add -o DIR"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(run_id: str, tmp_path: Path, options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        export([run_id], **{"output": tmp_path / "out", **options})
    assert not (tmp_path / "out").exists()


def test_runs_without_a_network_are_one_sentence(store: Store, trained: TwoExits, tmp_path: Path) -> None:
    out, without = tmp_path / "out", trained.stored(store, with_checkpoint=False)
    running = Writer(store).create(store.experiment("small", "note"), "going", {tags.KIND: tags.KIND_RUN}, {})
    with pytest.raises(DefinitionError, match="no run, group or definition '0123456789' in this store"):
        export(["0123456789"], out, "torch")
    for form in ("onnx", "torch", "mlflow"):
        with pytest.raises(DefinitionError, match=r"run going is not finished \(status: running\)"):
            export([running], out, form)
        with pytest.raises(RuntimeError, match=rf"checkpoint\.safetensors of run {without} is not there"):
            export([without], out, form)
    assert not out.exists()


def test_an_imported_run_has_no_network(tmp_path: Path, empty_database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    write_text(tmp_path / "t.txt", outside())
    assert invoke(tmp_path, "import", "theirs", "--test", "t.txt", *COLUMNS).returncode == 0
    (run,) = [run for run in all_runs(Store(f"sqlite:///{tmp_path}/mlflow.db")) if not run.is_group]
    for form in ("torch", "mlflow"):
        refused = invoke(tmp_path, "export", run.run_id, "--format", form, "-o", "out")
        assert refused.returncode == 2
        assert "it was imported or is a cascade, so that its predictions are all there is" in " ".join(
            refused.stderr.split()
        )
    assert not (tmp_path / "out").exists()
