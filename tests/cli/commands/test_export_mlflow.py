"""Networks of stored runs as MLflow models: in the store, registered, and served over HTTP."""

import json
import shutil
import sqlite3
import urllib.error
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image

from overthink.cli import run_models
from overthink.cli.commands.export import export
from overthink.cli.commands.predict import predict
from overthink.cli.commands.run import run
from overthink.comparison.overthinking import COLUMNS
from overthink.launching.cleaning import removable, remove
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.model_trash import models_of_runs
from overthink.store.reader import run_of
from overthink.store.trash import purge
from overthink.store.uri import journals_folder
from support.launches import launch_inline
from support.mlflow_server import Served
from support.served_model import asked, served_model
from support.small import small
from support.two_exits import TwoExits, two_exits


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TwoExits:
    return two_exits(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def run_id(store: Store, trained: TwoExits) -> str:
    return trained.stored(store)


def exported(run_id: str, capsys: pytest.CaptureFixture[str], **options: Any) -> Any:
    assert export([run_id], form="mlflow", as_json=True, **options) == 0
    (done,) = json.loads(capsys.readouterr().out)
    return done


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_model_is_the_runs_and_registered(
    run_id: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("1", "2"):
        done = exported(run_id, capsys, register="digits")
        assert (done["run_id"], done["name"], done["version"]) == (run_id, "seed-0-base-small", version)
    found = store.client.get_logged_model(done["uri"].removeprefix("models:/"))
    assert (found.source_run_id, str(found.status)) == (run_id, "READY")
    assert store.client.get_model_version("digits", "2").source == done["uri"]
    assert len(store.client.get_run(run_id).outputs.model_outputs) == 2
    assert [run.run_id for run in all_runs(store)] == [run_id]
    folder = Path(found.artifact_location)
    assert folder.is_relative_to(tmp_path / "mlruns")


def test_run_stores_a_model_of_each_run_once(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launch_inline(store, [small(tmp_path, seeds=2, regime=[{"epochs": 1}])])
    for models, stored in ((None, False), (False, False), (True, True), (True, False)):
        assert run([str(tmp_path / "small.yaml")], models=models, kernels="torch") == 0
        assert ("2 networks stored as MLflow models" in capsys.readouterr().err) == stored
    runs = [one.run_id for one in all_runs(store) if not one.is_group]
    found = store.client.search_logged_models([all_runs(store)[0].experiment_id])
    assert sorted(model.source_run_id for model in found) == sorted(runs)
    for model in found:
        of_run = run_of(store, model.source_run_id).metrics
        assert {one.key: one.value for one in model.metrics} == {name: of_run[name] for name in COLUMNS}


def test_a_full_disk_does_not_end_a_command_that_has_trained(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run_id: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_models, "export_mlflow", full)
    run_models.store_models(store, [run_of(store, run_id)], None)
    assert "no MLflow model: [Errno 28] No space left on device" in " ".join(capsys.readouterr().err.split())


def test_metrics_of_a_model_are_the_runs_own(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a reply is lost and the request is sent again, the run has each once, and so has the model."""
    launch_inline(store, [small(tmp_path, seeds=1, regime=[{"epochs": 1}])])
    (run_id,) = [one.run_id for one in all_runs(store) if not one.is_group]
    before = {name: store.client.get_metric_history(run_id, name) for name in COLUMNS}
    log_batch = MlflowClient.log_batch

    def twice(client: MlflowClient, *arguments: Any, **values: Any) -> None:
        log_batch(client, *arguments, **values)
        log_batch(client, *arguments, **values)

    monkeypatch.setattr(MlflowClient, "log_batch", twice)
    model = store.client.get_logged_model(exported(run_id, capsys)["uri"].removeprefix("models:/"))
    after = {name: store.client.get_metric_history(run_id, name) for name in COLUMNS}
    assert [(one.value, one.step) for name in COLUMNS for one in after[name]] == [
        (one.value, one.step) for name in COLUMNS for one in before[name]
    ]
    assert sorted(one.key for one in model.metrics) == sorted(COLUMNS)


def test_clean_deletes_models_that_are_not_registered(
    run_id: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registered = exported(run_id, capsys, register="digits")["uri"].removeprefix("models:/")
    of_run = exported(run_id, capsys)["uri"].removeprefix("models:/")
    folders = {name: Path(store.client.get_logged_model(name).artifact_location) for name in (registered, of_run)}
    (waiting := journals_folder() / "one").mkdir(parents=True)
    assert {one.kind: one.waits for one in removable(store.uri, all_runs(store))}["models"]
    waiting.rmdir()
    found = {one.kind: one for one in removable(store.uri, all_runs(store))}["models"]
    assert not found.waits
    assert (found.count, found.paths) == (1, (folders[of_run].parent,))
    remove(found, store.uri)
    assert not folders[of_run].parent.exists()
    assert (folders[registered] / "MLmodel").exists()
    assert [model.model_id for model in store.client.search_logged_models(["1"])] == [registered]
    assert store.client.get_run(run_id).info.status == "FINISHED"


def test_models_of_a_run_in_the_trash_go_with_it(run_id: str, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    of_run = exported(run_id, capsys)["uri"].removeprefix("models:/")
    folder = Path(store.client.get_logged_model(of_run).artifact_location)
    store.client.delete_run(run_id)
    purge(store, run_id)
    assert not folder.parent.exists()
    assert store.client.search_logged_models(["1"]) == []


def test_files_of_others_are_none_of_a_model(
    run_id: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A database may name any folder."""
    of_run, database = exported(run_id, capsys)["uri"].removeprefix("models:/"), tmp_path / "mlflow.db"
    assert [one.model_id for one in models_of_runs(database)] == [of_run]
    for place in (tmp_path, tmp_path / "mlruns", tmp_path / "mlruns" / "1" / run_id / "artifacts", "s3://bucket/a"):
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("UPDATE logged_models SET artifact_location = ?", (str(place),))
        assert models_of_runs(database) == []


def test_a_model_holds_no_pickle_and_no_name_of_a_folder(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = contents(Path(exported(run_id, capsys, output=tmp_path / "models")["folder"]))
    criteria = ("max-softmax", "entropy", "top2-ratio", "patience")
    network = {"definition.json", "checkpoint.safetensors", *(f"thresholds-{name}.json" for name in criteria)}
    about = {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"}
    examples = {"input_example.json", "serving_input_example.json"}
    assert {*files} == {"model_code.py", *about, *examples, *(f"artifacts/network/{name}" for name in network)}
    assert not [name for name, content in files.items() if b"/tmp" in content or str(tmp_path).encode() in content]
    requirements = files["requirements.txt"].decode().splitlines()
    assert {line.partition("==")[0] for line in requirements} == {"mlflow", "overthink"}


def test_a_loaded_model_answers_arrays(
    run_id: str, trained: TwoExits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = exported(run_id, capsys, output=tmp_path / "models")["folder"]
    from mlflow import pyfunc  # late, since it warns as it is imported, unless the package has done so before

    opened, limit = pyfunc.load_model(folder), trained.half()
    pixels, expected = (trained.test_images / 255).astype(np.float32), trained.predicted(limit)
    frame = opened.predict(pixels, params={"thresholds": [limit]})
    assert frame["class"].tolist() == expected.classes
    assert frame["exit"].tolist() == expected.exits
    assert frame["confidence"].tolist() == pytest.approx(expected.confidence, rel=1e-4)
    cost_E = trained.table().cost_E.tolist()
    assert frame["mul_adds"].tolist() == [cost_E[number - 1] for number in expected.exits]
    assert set(opened.predict(pixels)["exit"]) == {2}
    patience = opened.predict(pixels, params={"criterion": "patience", "thresholds": [1]})
    assert set(patience["exit"]) == {1}
    with pytest.raises(Exception, match="thresholds and budget exclude each other"):
        opened.predict(pixels, params={"thresholds": [0.5], "budget": 1e6})


def test_a_name_that_mlflow_refuses_leaves_nothing(run_id: str, store: Store) -> None:
    with pytest.raises(RuntimeError, match="digits/x"):
        export([run_id], None, "mlflow", register="digits/x")
    assert store.client.search_registered_models() == []
    assert store.client.search_logged_models(experiment_ids=["1"]) == []


def test_what_fails_on_the_way_leaves_no_model(run_id: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(MlflowClient, "log_model_artifacts", broken)
    with pytest.raises(OSError, match="the disk is full"):
        export([run_id], None, "mlflow", register="digits")
    assert store.client.search_registered_models() == []
    assert store.client.search_logged_models(experiment_ids=["1"]) == []


def test_a_version_that_somebody_else_has_added_meanwhile_stays(
    run_id: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        store.client.create_model_version("it's", "s3://bucket/theirs")
        raise OSError("the disk is full")

    monkeypatch.setattr(MlflowClient, "log_model_artifacts", broken)
    with pytest.raises(OSError, match="the disk is full"):
        export([run_id], None, "mlflow", register="it's")
    assert [one.name for one in store.client.search_registered_models()] == ["it's"]


def test_models_move_with_their_store(
    run_id: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = exported(run_id, capsys, register="digits")
    new = tmp_path / "new"
    new.mkdir()
    for name in ("mlflow.db", "mlruns"):
        shutil.move(tmp_path / name, new / name)
    moved = Store(f"sqlite:///{new}/mlflow.db")
    place = Path(moved.client.get_logged_model(done["uri"].removeprefix("models:/")).artifact_location)
    assert place.is_relative_to(new)
    assert (place / "MLmodel").is_file()
    assert Path(moved.client.get_model_version_download_uri("digits", "1")) == place


def test_a_server_keeps_models(
    served: Served, trained: TwoExits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(served.uri)
    run_id = trained.stored(store)
    done = exported(run_id, capsys, register="digits")
    assert store.client.get_model_version("digits", done["version"]).run_id == run_id
    found = store.client.get_logged_model(done["uri"].removeprefix("models:/"))
    assert found.artifact_location.startswith("mlflow-artifacts:/")
    assert (served.folder / "artifacts" / found.artifact_location.partition(":/")[2] / "MLmodel").is_file()


@pytest.mark.server
def test_a_served_model_answers_what_predict_does(
    run_id: str, trained: TwoExits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = exported(run_id, capsys, output=tmp_path / "models")["folder"]
    files = [tmp_path / f"{number}.png" for number in range(6)]
    for number, file in enumerate(files):
        pixels = np.random.default_rng(number).integers(0, 256, (50, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    fractions = [(trained.run.dataset.read_image(file) / 255).round(4).tolist() for file in files]
    most, limit = float(np.median(trained.table().mean_cost_P)), trained.half()
    cases: list[tuple[Any, Any]] = [
        ({}, {}),
        ({"threshold": limit}, {"thresholds": [limit]}),
        ({"budget": most}, {"budget": most}),
        ({"patience": 1}, {"criterion": "patience", "thresholds": [1]}),
    ]
    refusals: list[tuple[Any, str]] = [
        ({"inputs": [[[[255.0] * 16] * 16] * 4]}, "pixels must be fractions from 0 to 1"),
        ({"inputs": fractions, "params": {"budget": 1.0}}, "below the cost of the cheapest thresholds"),
        ({"inputs": fractions, "params": {"criterion": "margin"}}, "criterion must be one of"),
    ]
    with served_model(folder, tmp_path / "serve.log") as port:
        for options, params in cases:
            assert predict(run_id, files, as_json=True, **options) == 0
            expected = json.loads(capsys.readouterr().out)["images"]
            found = asked(port, {"inputs": fractions, "params": params})["predictions"]
            for one, other in zip(found, expected, strict=True):
                assert one.pop("confidence") == pytest.approx(other.pop("confidence"), rel=1e-6)
                assert one == {key: value for key, value in other.items() if key != "file"}
        for body, said in refusals:
            with pytest.raises(urllib.error.HTTPError) as refused:
                asked(port, body)
            assert refused.value.code == 400
            assert said in refused.value.read().decode()
