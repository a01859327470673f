"""Networks of stored runs as models for other programs: ONNX, torch.export, MLflow."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from overthink.cli.commands.export import export
from overthink.cli.commands.predict import predict
from overthink.data.catalogue import load_dataset
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition
from overthink.inference.budgeted import lookup_table
from overthink.predictions.predictions import Predictions
from overthink.running.run import train
from overthink.running.segments import check
from overthink.running.segments.files import SegmentPassage
from overthink.running.trained_network import restored
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import all_runs
from overthink.store.writer import Writer
from overthink.training.checkpoint import NAME
from support.command import invoke
from support.outside import COLUMNS, outside, write_text
from support.ports import free_port
from support.small import small

REGIME = [{"epochs": 1}, {"epochs": 1, "attach": {"kind": "isc", "width": 8}}]
PAGE = Path(__file__).parents[3] / "docs" / "export.md"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDefinition, Path]:
    """A run of two exits with a connection between them, and the folder with what it left."""
    folder = tmp_path_factory.mktemp("trained")
    network = {"kind": "msdnet", "blocks": 2, "channels": 4, "growth": 2, "head_channels": 8}
    run = small(folder, regime=REGIME, seeds=1, network=network).groups[0].runs[0]
    for _ in train(run, folder):
        pass
    return run, folder


def stored(store: Store, trained: tuple[RunDefinition, Path], with_checkpoint: bool = True) -> str:
    writer, (run, folder) = Writer(store), trained
    of_run = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: run.key}
    created = writer.create(store.experiment("small", "note"), "small: base seed 0", of_run, {})
    writer.text(created, tags.DEFINITION_FILE, run.model_dump(mode="json"))
    writer.artifacts(created, [folder / "val.parquet", folder / "test.parquet"], "predictions")
    if with_checkpoint:
        writer.artifacts(created, [folder / NAME], "checkpoint")
    writer.close(created, tags.FINISHED)
    return created


@pytest.fixture
def run_id(store: Store, trained: tuple[RunDefinition, Path]) -> str:
    return stored(store, trained)


def images_of(trained: tuple[RunDefinition, Path]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return load_dataset(trained[0].dataset, None).test.images_NKHW


def table_of(trained: tuple[RunDefinition, Path], criterion: str = "max_softmax") -> Any:
    return lookup_table(Predictions.read(trained[1] / "val.parquet"), criterion)


def predicted_by_package(trained: tuple[RunDefinition, Path], limit: float) -> tuple[list[str], list[float], list[int]]:
    """Return class, confidence and exit of the test images, from the logits of the whole network."""
    back = restored(trained[0], trained[1] / NAME)
    softmax_ENC = back.logits(torch.from_numpy(images_of(trained))).softmax(dim=2).numpy()
    exit_N = np.where(softmax_ENC[0].max(axis=1) >= limit, 0, 1)
    chosen_NC = softmax_ENC[exit_N, np.arange(len(exit_N))]
    classes = [back.data_info.classes[label] for label in chosen_NC.argmax(axis=1)]
    return classes, chosen_NC.max(axis=1).tolist(), (exit_N + 1).tolist()


def between(trained: tuple[RunDefinition, Path]) -> float:
    """Return a threshold of exit 1 at which about half of the test images leave, and no rounding decides."""
    back = restored(trained[0], trained[1] / NAME)
    sure = back.logits(torch.from_numpy(images_of(trained)))[0].softmax(dim=1).amax(dim=1).sort().values
    row = 30 + int((sure[30:50] - sure[29:49]).argmax())
    return float(sure[row] + sure[row - 1]) / 2


def test_the_printed_example_runs_onnx_files_as_the_package_predicts(
    run_id: str, trained: tuple[RunDefinition, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    most = float(np.median(table_of(trained).mean_cost_P))
    assert export([run_id[:8]], tmp_path / "out", "onnx", budget=most, as_json=True) == 0
    (done,) = json.loads(capsys.readouterr().out)
    folder = Path(done["folder"])
    assert sorted(path.name for path in folder.iterdir()) == ["exit-1.onnx", "exit-2.onnx", "model.json"]
    assert list((tmp_path / "out").iterdir()) == [folder]
    model = json.loads((folder / "model.json").read_text())
    table = table_of(trained)
    assert model["thresholds"] == [None if limit == np.inf else limit for limit in _chosen(table, most)]
    assert (model["budget"], model["criterion"], model["run"]["run_id"]) == (most, "max_softmax", run_id)
    assert [one["mul_adds"] for one in model["exits"]] == table.cost_E.tolist()
    assert len(model["classes"]) == 10
    assert model["checked"]["images"] == 80
    assert model["checked"]["of"] == "test images"
    assert model["checked"]["largest_difference"] < 1e-4
    limit = between(trained)
    model["thresholds"] = [limit]
    (folder / "model.json").write_text(json.dumps(model))
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "class" in block]
    printed: dict[str, Any] = {}
    exec(example, printed)
    answers = printed["Network"](folder).classify(images_of(trained))
    classes, sure, exits = predicted_by_package(trained, limit)
    assert 20 < sum(number == 1 for number in exits) < 60
    assert [answer[0] for answer in answers] == classes
    assert [answer[2] for answer in answers] == exits
    assert [answer[1] for answer in answers] == pytest.approx(sure, rel=1e-4)


def _chosen(table: Any, budget: float) -> list[float]:
    limits: list[float] = table.threshold_PE[table.fitting(budget), :-1].tolist()
    return limits


def test_without_a_budget_the_most_accurate_thresholds_are_chosen(
    run_id: str, trained: tuple[RunDefinition, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export([run_id], tmp_path / "out", "torch", criterion="patience", as_json=True) == 0
    (model,) = json.loads(capsys.readouterr().out)
    table = table_of(trained, "patience")
    best = int(table.accuracy_P.argmax())
    assert model["thresholds"] == [None if limit == np.inf else limit for limit in table.threshold_PE[best, :-1]]
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
    with pytest.raises(
        ValueError, match=r"do not compute what this package predicts .* none were kept: a logit of exit 1 differs by"
    ):
        export([run_id], tmp_path / "deeper" / "out", "torch")
    assert not (tmp_path / "deeper").exists()


def test_mistakes_are_one_sentence_and_nothing_is_made(
    run_id: str, store: Store, trained: tuple[RunDefinition, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="--format tflite: expected one of files, onnx, torch, mlflow"):
        export([run_id], out, "tflite")
    with pytest.raises(ValueError, match=r"confidence must be one of max_softmax, .* got 'margin'"):
        export([run_id], out, "torch", criterion="margin")
    with pytest.raises(
        ValueError, match="a budget of 5 MUL-ADDs per sample is below the cost of the cheapest thresholds"
    ):
        export([run_id], out, "torch", budget=5)
    with pytest.raises(ValueError, match="--budget is for --format onnx and torch"):
        export([run_id], out, budget=5)
    with pytest.raises(ValueError, match="--register is for --format mlflow without --output"):
        export([run_id], out, "mlflow", register="digits")
    with pytest.raises(ValueError, match="--format onnx needs a folder: add -o DIR"):
        export([run_id], None, "onnx")
    with pytest.raises(DefinitionError, match="no runs have an ID that starts with it"):
        export(["0123456789"], out, "torch")
    without = stored(store, trained, with_checkpoint=False)
    writer = Writer(store)
    running = writer.create(store.experiment("small", "note"), "going", {tags.KIND: tags.KIND_RUN}, {})
    with pytest.raises(DefinitionError, match=r"run going is not finished \(status: running\)"):
        export([running], out, "onnx")
    for form in ("torch", "mlflow"):
        with pytest.raises(RuntimeError, match=f"checkpoint.safetensors of run {without} is not there"):
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
        assert "it was imported, so that its predictions are all there is" in " ".join(refused.stderr.split())
    assert not (tmp_path / "out").exists()


def test_an_mlflow_model_is_the_runs_and_registered(
    run_id: str, store: Store, trained: tuple[RunDefinition, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("1", "2"):
        assert export([run_id], None, "mlflow", register="digits", as_json=True) == 0
        (done,) = json.loads(capsys.readouterr().out)
        assert (done["name"], done["version"]) == ("small-base-seed-0", version)
    model_id = done["uri"].removeprefix("models:/")
    found = store.client.get_logged_model(model_id)
    assert (found.source_run_id, str(found.status)) == (run_id, "READY")
    assert store.client.get_model_version("digits", "2").model_id in (None, model_id)
    outputs = store.client.get_run(run_id).outputs.model_outputs
    assert model_id in {one.model_id for one in outputs}
    assert [run.run_id for run in all_runs(store)] == [run_id]
    folder = Path(found.artifact_location)
    assert folder.is_relative_to(tmp_path / "mlruns")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".bin"))]
    assert not [path for path in folder.rglob("*") if path.is_file() and b"/tmp" in path.read_bytes()]
    requirements = (folder / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in requirements} == {"mlflow", "overthink"}
    from mlflow import pyfunc  # late, since it warns as it is imported, unless the package has done so before

    opened = pyfunc.load_model(str(folder))
    limit = between(trained)
    pixels = (images_of(trained) / 255).astype(np.float32)
    classes, sure, exits = predicted_by_package(trained, limit)
    frame = opened.predict(pixels, params={"thresholds": [limit]})
    assert frame["class"].tolist() == classes
    assert frame["exit"].tolist() == exits
    assert frame["confidence"].tolist() == pytest.approx(sure, rel=1e-4)
    cost_E = table_of(trained).cost_E
    assert frame["mul_adds"].tolist() == [cost_E[number - 1] for number in exits]
    assert set(opened.predict(pixels)["exit"]) == {2}
    dear = opened.predict(pixels, params={"budget": 1e12, "criterion": "patience"})
    row = table_of(trained, "patience").fitting(1e12)
    assert set(dear["exit"]) <= ({1} if row == 0 else {2})


def test_a_name_that_mlflow_refuses_leaves_nothing(run_id: str, store: Store, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="digits/x"):
        export([run_id], None, "mlflow", register="digits/x")
    assert store.client.search_registered_models() == []
    assert store.client.search_logged_models(experiment_ids=["1"]) == []


@pytest.fixture
def model(run_id: str, tmp_path: Path) -> Path:
    export([run_id], tmp_path / "models", "mlflow")
    (folder,) = (tmp_path / "models").iterdir()
    return folder


def asked(port: int, body: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


@pytest.fixture
def served_model(model: Path, tmp_path: Path) -> Iterator[int]:
    """The port of loopback on which `mlflow models serve` serves the model."""
    port = free_port()
    words = f"-m mlflow models serve --env-manager local -m {model} -h 127.0.0.1 -p {port} -w 1".split()
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                    break
            except OSError:
                assert time.monotonic() < deadline, (tmp_path / "serve.log").read_text()[-2000:]
                assert process.poll() is None, (tmp_path / "serve.log").read_text()[-2000:]
                time.sleep(0.5)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@pytest.mark.server
def test_a_served_model_answers_what_predict_does(
    served_model: int,
    run_id: str,
    trained: tuple[RunDefinition, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [tmp_path / f"{number}.png" for number in range(6)]
    for number, file in enumerate(files):
        pixels = np.random.default_rng(number).integers(0, 256, (50, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    capsys.readouterr()
    most = float(np.median(table_of(trained).mean_cost_P))
    fractions = [(trained[0].dataset.read_image(file) / 255).round(4).tolist() for file in files]
    for options, params in (
        ({}, {}),
        ({"threshold": 0.12}, {"thresholds": [0.12]}),
        ({"budget": most}, {"budget": most}),
    ):
        assert predict(run_id, files, as_json=True, **options) == 0  # type: ignore[arg-type]
        expected = json.loads(capsys.readouterr().out)["images"]
        found = asked(served_model, {"inputs": fractions, "params": params})["predictions"]
        for one, other in zip(found, expected, strict=True):
            assert one.pop("confidence") == pytest.approx(other.pop("confidence"), rel=1e-6)
            assert one == {key: value for key, value in other.items() if key != "file"}
    for body, said in (
        ({"inputs": (np.array(fractions) * 255).tolist()}, "pixels must be fractions from 0 to 1"),
        ({"inputs": fractions, "params": {"budget": 1.0}}, "below the cost of the cheapest thresholds"),
        ({"inputs": fractions, "params": {"criterion": "margin"}}, "criterion 'margin': expected one of"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked(served_model, body)
        assert refused.value.code == 400
        assert said in refused.value.read().decode()
