"""From a stored run back to a network that classifies image files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from overthink.cli.commands.anytime import anytime
from overthink.cli.commands.bench import bench
from overthink.cli.commands.budget import budget
from overthink.cli.commands.frequency import frequency
from overthink.cli.commands.grad_cam import grad_cam
from overthink.cli.commands.labels import labels
from overthink.cli.commands.predict import predict
from overthink.cli.exit_codes import SOME_FAILED
from overthink.cli.selection import the_run
from overthink.data.catalogue import load_dataset
from overthink.data.max_min_mnist import MaxMinMnistSpec
from overthink.data.own import FolderSpec, NpzSpec
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition
from overthink.inference.budgeted import lookup_table
from overthink.inference.exiting import EarlyExit
from overthink.inference.frequency import needed_share
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.running.run import train
from overthink.running.run_data import data_info
from overthink.running.stored_run import network_of
from overthink.running.trained_network import restored
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.writer import Writer
from overthink.training import checkpoint
from overthink.training.checkpoint import NAME, RunIdentity
from overthink.training.loop import TrainingState
from support.built_kernels import KernelsForTests
from support.small import small

REGIME = [{"epochs": 1}, {"epochs": 1, "attach": {"kind": "isc", "width": 8}}]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDefinition, Path]:
    """A run that was trained with a connection between its exits, and the folder with what it left."""
    folder = tmp_path_factory.mktemp("trained")
    run = small(folder, regime=REGIME, seeds=1).groups[0].runs[0]
    for _ in train(run, folder):
        pass
    return run, folder


@pytest.fixture
def run_id(
    trained: tuple[RunDefinition, Path], tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The run in a store of the test's own, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    store = Store()
    writer, (run, folder) = Writer(store), trained
    of_run = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: run.key}
    created = writer.create(store.experiment("small", "note"), "small", of_run, {})
    writer.text(created, tags.DEFINITION_FILE, run.model_dump(mode="json"))
    writer.artifacts(created, [folder / "val.parquet", folder / "test.parquet"], "predictions")
    writer.artifacts(created, [folder / NAME], "checkpoint")
    writer.close(created, tags.FINISHED)
    threads = torch.get_num_threads()
    yield created
    torch.set_num_threads(threads)


def test_a_restored_network_says_what_the_run_has_stored(trained: tuple[RunDefinition, Path]) -> None:
    run, folder = trained
    stored = Predictions.read(folder / "test.parquet")
    back = restored(run, folder / NAME)
    dataset = load_dataset(run.dataset, None)
    assert back.data_info == data_info(dataset)
    images_NKHW = back.normalise(torch.from_numpy(dataset.test.images_NKHW))
    found = EarlyExit(back.network, [np.inf] * 3)(images_NKHW)
    assert found.exit_B.tolist() == [2] * len(needed(stored.labels_N, "labels"))
    assert found.predicted_B.tolist() == needed(stored.predicted_EN, "classes")[-1].tolist()
    assert found.confidence_B.tolist() == pytest.approx(
        needed(stored.max_softmax_EN, "confidence")[-1].tolist(), rel=1e-5
    )


def test_checkpoints_from_before_need_the_data(trained: tuple[RunDefinition, Path], tmp_path: Path) -> None:
    run, folder = trained
    dataset = load_dataset(run.dataset, None)
    state = TrainingState(restored(run, folder / NAME).network)
    path = checkpoint.save(tmp_path, state, RunIdentity(run.key, dataset.digest, run.regime, run.seeds))
    assert restored(run, path).data_info == data_info(dataset)
    path = checkpoint.save(tmp_path, state, RunIdentity(run.key, "other", run.regime, run.seeds))
    with pytest.raises(ValueError, match=r"trained on other data \(SHA-256 other"):
        restored(run, path)


def test_another_runs_checkpoint_is_refused(trained: tuple[RunDefinition, Path], tmp_path: Path) -> None:
    run, folder = trained
    other = small(tmp_path, regime=REGIME, seeds=[5]).groups[0].runs[0]
    with pytest.raises(ValueError, match=f"belongs to run {run.key}, not to {other.key}"):
        restored(other, folder / NAME)
    (tmp_path / NAME).write_bytes(b"noise")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        restored(run, tmp_path / NAME)


def pictures(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number} [bold].png" for number in range(count)]
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 256, (50, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return paths


def predicted(run: str, files: list[Path], capsys: pytest.CaptureFixture[str], **options: Any) -> Any:
    assert predict(run, files, as_json=True, **options) == 0
    return json.loads(capsys.readouterr().out)


def test_predict_against_the_network_itself(run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, store = pictures(tmp_path, 3), Store()
    back = network_of(store, the_run(store, run_id).run_id, None)
    images_NKHW = np.stack([back.definition.dataset.read_image(path) for path in files])
    with torch.no_grad():
        softmax_ENC = torch.stack(back.network(back.normalise(torch.from_numpy(images_NKHW)))).softmax(dim=2)
    for options, row in (({}, 2), ({"threshold": 0.0}, 0), ({"threshold": 1.0}, 2)):
        answer = predicted(run_id[:8], files, capsys, **options)
        assert [image["file"] for image in answer["images"]] == [str(path) for path in files]
        assert [image["exit"] for image in answer["images"]] == [row + 1] * 3
        assert [image["class"] for image in answer["images"]] == [
            back.data_info.classes[label] for label in softmax_ENC[row].argmax(dim=1)
        ]
        sure = [image["confidence"] for image in answer["images"]]
        assert sure == pytest.approx(softmax_ENC[row].amax(dim=1).tolist(), rel=1e-4)


def test_a_budget_chooses_the_stored_runs_thresholds(
    run_id: str, trained: tuple[RunDefinition, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = lookup_table(Predictions.read(trained[1] / "val.parquet"))
    most = float(np.median(table.mean_cost_P))
    answer = predicted(run_id, pictures(tmp_path, 2), capsys, budget=most)
    limits = table.threshold_PE[table.fitting(most), :-1]
    assert answer["thresholds"] == [None if limit == np.inf else limit for limit in limits]
    costs = [image["mul_adds"] for image in answer["images"]]
    assert costs == [table.cost_E[image["exit"] - 1] for image in answer["images"]]
    assert answer["mul_adds_per_image"] == sum(costs) / 2


def test_patience_of_one_exit_leaves_at_once(run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is no surer than that exit is: what counts agreeing exits is no confidence."""
    images = predicted(run_id, pictures(tmp_path, 3), capsys, patience=1)["images"]
    at_once = predicted(run_id, pictures(tmp_path, 3), capsys, threshold=0.0)["images"]
    assert images == at_once
    assert all(image["exit"] == 1 and image["confidence"] < 1 for image in images)


def test_anytime_expects_what_its_budgets_reach(
    run_id: str, trained: tuple[RunDefinition, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    test = Predictions.read(trained[1] / "test.parquet")
    accuracy_E = test.correct_EN.mean(axis=1)
    said = [f"{needed(test.cost_E, 'costs')[0]}=3", str(float(needed(test.cost_E, "costs")[2]))]
    assert anytime(run_id, said, as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [entry["exit"] for entry in answer["budgets"]] == [1, 3]
    assert answer["expected"]["accuracy"] == pytest.approx((3 * accuracy_E[0] + accuracy_E[2]) / 4)
    assert "cross_entropy" not in answer["expected"]
    assert anytime(run_id) == 0
    assert f"{100 * accuracy_E[1]:.2f}%" in capsys.readouterr().out
    for wrong in ("20e6=x", "nan", "-1", "5=0", ""):
        with pytest.raises(ValueError, match="trained here\\), optionally with a weight"):
            anytime(run_id, [wrong])
    with pytest.raises(ValueError, match="below the cost of exit 1"):
        anytime(run_id, ["1"])


def test_labels_count_every_sample_once(
    run_id: str, trained: tuple[RunDefinition, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    test = Predictions.read(trained[1] / "test.parquet")
    assert labels(run_id, [5.0, 50.0], exits="1,3", split="test", as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer["rules"]) == ["first", "5", "50"]
    for rule in answer["rules"].values():
        everything, *by_level = rule["counts"].values()
        assert [sum(counts) for counts in zip(*by_level, strict=True)] == everything
        assert sum(everything) == test.correct_EN[[0, 2]].any(axis=0).sum()
        assert sum(everything) + rule["left_out"] == len(test.ids_N)
    assert labels(run_id, exits="1,3", split="test") == 0
    said = capsys.readouterr()
    assert "Lambda  Samples" in said.out
    assert "small, test data, 80 samples" in said.err
    with pytest.raises(ValueError, match="--split train: expected val or test"):
        labels(run_id, split="train")
    with pytest.raises(ValueError, match="--exits 1;3: expected integers separated by commas"):
        labels(run_id, exits="1;3")


def test_a_budget_for_patience_is_a_number_of_agreeing_exits(
    run_id: str, trained: tuple[RunDefinition, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    table = lookup_table(Predictions.read(trained[1] / "val.parquet"), "patience")
    assert budget(run_id, 1e12, "patience", as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    k = answer["patience"]
    assert table.accuracy_P[k - 1] == answer["validation_accuracy"] == table.accuracy_P.max()
    assert answer["thresholds"] == [None] * (k - 1) + [k] * (3 - k)
    assert (answer["q"], answer["tied"]) == (None, [])
    assert answer["taken"] == table.taken_PE[k - 1].tolist()
    assert budget(run_id, float(table.cost_E[0]), "patience") == 0
    said = capsys.readouterr()
    assert "Patience 1: a sample exits at exit 1." in said.err
    assert "Share aimed at" not in said.out


def test_scaling_takes_the_validation_logits_that_every_run_keeps(
    run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert budget(run_id, 1e12, scale=True, as_json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["temperatures"]) == 3


def test_the_table_shows_names_as_they_are(run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict(run_id, pictures(tmp_path, 1))
    assert "[bold].png" in "".join(capsys.readouterr().out.split("\n"))


def test_an_animation_is_classified_by_its_first_picture(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (still,) = pictures(tmp_path, 1)
    with Image.open(still) as first:
        first.save(moving := tmp_path / "moving.tif", save_all=True, append_images=[Image.new(first.mode, first.size)])
        first.save(alike := tmp_path / "alike.tif")
    assert predict(run_id, [moving], as_json=True) == 0
    said = capsys.readouterr()
    assert f"Of 1 animated file, the first picture is classified: {moving}." in said.err.replace("\n", " ")
    (of_moving,) = json.loads(said.out)["images"]
    (of_alike,) = predicted(run_id, [alike], capsys)["images"]
    assert of_moving == of_alike | {"file": str(moving)}


def test_bench_measures_each_way(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(run_id, [50], 1, 1, as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["threads"], answer["images"]) == (1, "test images")
    ways = [(timing["batch"], timing["images"], timing["way"]) for timing in answer["timings"]]
    assert ways == [(50, 100, way) for way in ("full", "full, folded", "uniform", "80% first")]
    bench(run_id, [100], 1, 1)
    assert "80% first" in capsys.readouterr().out


def test_bench_leaves_by_exit_policies(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(run_id, [50], 1, 1, kernels="torch", policy=["top2-ratio"], budgets="60%,100%", as_json=True) == 0
    ways = [timing["way"] for timing in json.loads(capsys.readouterr().out)["timings"]]
    assert ways[-2:] == ["top2-ratio, 60%", "top2-ratio, 100%"]
    with pytest.raises(ValueError, match="did you mean 'top2-ratio'"):
        bench(run_id, [50], 1, 1, policy=["top2-rati"])


def test_bench_has_native_kernels_where_they_are_wanted(
    run_id: str, kernels: KernelsForTests, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.stand_in(monkeypatch)
    assert bench(run_id, [5], 1, 1, kernels="native", as_json=True) == 0
    timings = json.loads(capsys.readouterr().out)["timings"]
    assert [timing["way"] for timing in timings[4:]] == ["native: full", "native: uniform", "native: 80% first"]
    assert timings[5]["share_E"] != timings[4]["share_E"]
    with pytest.raises(ValueError, match=r"--kernels fast: expected auto, torch or native"):
        bench(run_id, [5], 1, 1, kernels="fast")


def test_native_kernels_predict_what_torch_does(
    run_id: str,
    kernels: KernelsForTests,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = pictures(tmp_path, 20)
    sure = sorted(one["confidence"] for one in predicted(run_id, files, capsys, threshold=0.0)["images"])
    gap = max(range(5, 15), key=lambda row: sure[row] - sure[row - 1])
    limit = (sure[gap] + sure[gap - 1]) / 2  # rounding decides nothing
    expected = predicted(run_id, files, capsys, threshold=limit)["images"]
    kernels.stand_in(monkeypatch)
    monkeypatch.setenv("OVERTHINK_KERNELS", "native")
    found = predicted(run_id, files, capsys, threshold=limit)["images"]
    for one, other in zip(found, expected, strict=True):
        assert one.pop("confidence") == pytest.approx(other.pop("confidence"), abs=1e-4)
        assert one == other
    assert len({one["exit"] for one in found}) > 1


def test_kernels_that_cannot_be_had_are_an_error_or_a_sentence(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "/absent")
    monkeypatch.setenv("OVERTHINK_KERNELS", "auto")
    assert bench(run_id, [50], 1, 1) == 0
    assert "Without native kernels, since the C++ compiler /absent does not run" in " ".join(
        capsys.readouterr().err.split()
    )
    assert predict(run_id, pictures(tmp_path, 20)) == 0
    monkeypatch.setenv("OVERTHINK_KERNELS", "native")
    with pytest.raises(ValueError, match=r"--kernels native: .*since the C\+\+ compiler /absent does not run"):
        bench(run_id, [50], 1, 1)
    with pytest.raises(ValueError, match=r"OVERTHINK_KERNELS=native: .*since the C\+\+ compiler /absent"):
        predict(run_id, pictures(tmp_path, 2))


def test_mistakes_of_a_person(run_id: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give one of them"):
        predict(run_id, [], threshold=0.5, budget=1e6)
    with pytest.raises(ValueError, match="--risk exclude each other"):
        predict(run_id, [], patience=2, budget=1e6)
    with pytest.raises(ValueError, match=r"absent\.png: no such file"):
        predict(run_id, [tmp_path / "absent.png"])
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(ValueError, match=r"text\.png: unusable image: cannot identify image file"):
        predict(run_id, [tmp_path / "text.png"])


def test_frequency_of_a_stored_run(run_id: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    definition = network_of(Store(), the_run(Store(), run_id).run_id, None).definition
    Writer(Store()).dataset(run_id, "max-min-mnist", load_dataset(definition.dataset, None).digest, {})
    assert frequency([run_id], zigzag=True, as_json=True) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    store = Store()
    test = Predictions.read(store.artifact(run_id, "predictions/test.parquet", tmp_path))
    assert [entry["n"] for entry in answer["right"]] == test.correct_EN.sum(axis=1).tolist()
    assert answer["nobody"]["n"] == (~test.correct_EN.any(axis=0)).sum()
    assert isinstance(definition.dataset, MaxMinMnistSpec)
    assert definition.dataset.space_to_depth == 2  # what is transformed is the image, not every second pixel
    split = load_dataset(definition.dataset.model_copy(update={"space_to_depth": 1}), None).test
    right = split.images_NKHW[np.isin(split.ids_N, test.ids_N[test.correct_EN[-1]])]
    assert answer["right"][-1]["mean"] == pytest.approx(needed_share(right, "zigzag").mean())
    assert "Kruskal" in store.artifact(run_id, tags.FREQUENCY_PAGE, tmp_path).read_text()
    assert answer["measure"]["coefficients"] == "magnitude"
    frequency([run_id], zigzag=True)
    said = capsys.readouterr()
    assert "small: 98% of the total coefficient magnitude, scanned by zigzag" in said.err
    assert "First" in said.out
    assert "(--coefficients signed)" in said.out
    frequency([run_id], coefficients="signed")
    said = capsys.readouterr()
    assert "small: 98% of the sum of signed coefficients, scanned by rows" in said.err
    assert "As in thesis figures A.3 to A.5" in " ".join(said.out.split())
    assert "signed coefficients needed" in store.artifact(run_id, tags.FREQUENCY_PAGE, tmp_path / "signed").read_text()
    with pytest.raises(ValueError, match="--coefficients sign: expected magnitude or signed"):
        frequency([run_id], coefficients="sign")
    with pytest.raises(ValueError, match=r"squares \(--power 2\) have no sign"):
        frequency([run_id], power=2, coefficients="signed")


def test_grad_cam_of_a_stored_run(run_id: str, tmp_path: Path) -> None:
    assert grad_cam(run_id, "1,3", output=tmp_path / "looks.png") == 0
    stored = Store().artifact(run_id, tags.GRAD_CAM_PICTURE, tmp_path / "stored").read_bytes()
    assert stored == (tmp_path / "looks.png").read_bytes()
    with Image.open(tmp_path / "looks.png") as two, Image.open(look(run_id, tmp_path, "1")) as one:
        assert two.width == one.width
        assert two.height > 1.5 * one.height
    with pytest.raises(ValueError, match="--samples: no test sample has the id 99999"):
        grad_cam(run_id, "1,99999")


def test_pictures_that_a_store_refuses_are_written_and_shown(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("store ours: PERMISSION_DENIED")

    monkeypatch.setattr(Writer, "artifacts", refuse)
    with pytest.raises(StoreError, match="PERMISSION_DENIED"):
        grad_cam(run_id, "1", output=tmp_path / "looks.png")
    assert (tmp_path / "looks.png").is_file()
    assert frequency([run_id], as_json=True) == SOME_FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert f"artifact {tags.FREQUENCY_PAGE} is not stored: store ours" in " ".join(said.err.split())


def test_images_that_a_run_has_not_seen_are_refused(run_id: str) -> None:
    store = Store()
    Writer(store).dataset(run_id, "max-min-mnist", 64 * "0", {})
    with pytest.raises(DefinitionError, match=r"small: .* on other data \(SHA-256 000000000000\.\.\.\) than"):
        frequency([run_id], zigzag=True, as_json=True)
    with pytest.raises(DefinitionError, match="trained on other data"):
        grad_cam(run_id, "1")
    assert "analysis" not in {item.path for item in store.client.list_artifacts(run_id)}


def look(run_id: str, folder: Path, samples: str) -> Path:
    file = folder / "look.png"
    grad_cam(run_id, samples, of="true", output=file)
    return file


def test_files_become_images_of_the_data_set(tmp_path: Path) -> None:
    """Left half black, right half white, 80 pixels wide and 40 high: the centre square is half and half, too."""
    pixels = np.zeros((40, 80), dtype=np.uint8)
    pixels[:, 40:] = 200
    Image.fromarray(pixels).save(tmp_path / "halves.png")
    path = tmp_path / "halves.png"
    own = FolderSpec(kind="folder", path="images", size=20, classes=2).read_image(path)
    assert own.shape == (3, 20, 20)
    assert own[:, 10, [0, 19]].tolist() == [[0, 200]] * 3
    digits = MaxMinMnistSpec(kind="max-min-mnist", digits="embedded", train=400, test=80, space_to_depth=2)
    folded_KHW = digits.read_image(path)
    assert folded_KHW.shape == digits.input_shape
    assert folded_KHW[:, 5, [0, -1]].tolist() == [[0, 200]] * 4
    odd = NpzSpec(kind="npz", path="x.npz", shape=(3, 20, 30), classes=2)
    with pytest.raises(ValueError, match="an image file cannot be converted to an image of 3x20x30"):
        odd.read_image(path)


@pytest.mark.parametrize("name", ["max-softmax", "patience-direct", "caching", "logistic"])
def test_predict_leaves_by_an_exit_policy(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Exits, classes and costs are those that the fitted policy has for the network's own logits."""
    from overthink.running.stored_run import policy_of

    files, store = pictures(tmp_path, 12), Store()
    back = network_of(store, run_id, None)
    images_NKHW = np.stack([back.definition.dataset.read_image(path) for path in files])
    with torch.no_grad():
        logits_ENC = torch.stack(back.network(back.normalise(torch.from_numpy(images_NKHW)))).numpy()
    costs = needed(store.predictions(run_id, "val").cost_E, "costs")
    budget_ = float(costs[:2].mean())
    answer = predicted(run_id, files, capsys, policy=name, budget=budget_)
    point = policy_of(store, the_run(store, run_id), name, budget_)
    zeros_N = np.zeros(12, dtype=np.int64)
    own = Predictions.from_logits(logits_ENC, zeros_N, np.arange(12), zeros_N, (), costs, "", "test", True)
    taken = point.offline(own)
    assert answer["policy"] == name
    assert [image["exit"] for image in answer["images"]] == (taken.exit_N + 1).tolist()
    assert [image["mul_adds"] for image in answer["images"]] == taken.cost_N.round().tolist()


def test_predict_keeps_a_promise(run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = pictures(tmp_path, 2)
    with pytest.raises(ValueError, match=r"needs at least .* validation samples"):
        predict(run_id, files, risk=0.001)
    answer = predicted(run_id, files, capsys, risk=0.5, confidence=0.9)
    assert answer["policy"] == "max-softmax"
    with pytest.raises(ValueError, match=r"--policy mean: give the --budget"):
        predict(run_id, files, policy="mean")
    with pytest.raises(ValueError, match="exclude each other"):
        predict(run_id, files, risk=0.1, budget=1e6)
