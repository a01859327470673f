"""Recording a course: it changes no weight, survives whatever ends the process, and holds what the network answered."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from overthink.data.batches import Samples
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.predictions.course import COURSE_FILE, Course
from overthink.predictions.course_file import read_course
from overthink.predictions.predictions import Predictions
from overthink.running.events import Finished
from overthink.running.run import train
from overthink.training.checkpoint import NAME
from overthink.training.epoch_record import EpochRecord
from overthink.training.evaluate import logits_of
from overthink.training.record_spec import RecordSpec
from overthink.training.recording import Recorder
from overthink.training.regime import PARENT_CHECKPOINT, STORED_CHECKPOINT
from support.built_kernels import KernelsForTests
from support.small import FEW_LAYERS, small

TWO_PHASES: list[dict[str, Any]] = [
    {"epochs": 2},
    {"epochs": 2, "lr": 0.01, "attach": {"kind": "isc", "width": 4}, "loss": {"kind": "ofa"}, "freeze": "backbone"},
]


def run_of(folder: Path, record: dict[str, Any] | None, **changes: Any) -> RunDefinition:
    recording = {} if record is None else {"record": record}
    return small(folder, network=FEW_LAYERS, **recording, **changes).groups[0].runs[0]


def trained(run: RunDefinition, folder: Path, parent_key: str | None = None) -> list[EpochRecord]:
    folder.mkdir(exist_ok=True)
    *events, last = train(run, folder, "cpu", parent_key=parent_key)
    assert isinstance(last, Finished)
    return [event for event in events if isinstance(event, EpochRecord)]


def weights(folder: Path) -> dict[str, bytes]:
    """Of the network, and all that training goes on from; without the record itself."""
    tensors = load_file(folder / NAME)
    return {name: one.numpy().tobytes() for name, one in tensors.items() if not name.startswith("course/")}


def course_in(folder: Path) -> Course:
    return read_course(folder / COURSE_FILE)


Curves = list[tuple[object, ...]]


def curves_of(records: list[EpochRecord]) -> Curves:
    return [(one.train_loss, one.val_loss, one.val_accuracy) for one in records]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDefinition, Path, Curves]:
    """A run of two phases that records nothing."""
    folder = tmp_path_factory.mktemp("plain")
    run = run_of(folder, None, regime=TWO_PHASES)
    return run, folder, curves_of(trained(run, folder))


@pytest.mark.parametrize(
    "record",
    [
        {"samples": "val"},
        {"samples": "test", "every_epochs": 2},
        {"samples": "train", "every_steps": 2},
        {"samples": "val", "every_steps": 1},
    ],
)
def test_recording_changes_no_weight(
    tmp_path: Path, plain: tuple[RunDefinition, Path, Curves], record: dict[str, Any]
) -> None:
    """Also with dropout's generator, a frozen backbone, a teacher, and an evaluation between two steps."""
    plain_run, plain_folder, curves = plain
    recording = run_of(tmp_path, record, regime=TWO_PHASES)
    assert curves_of(trained(recording, tmp_path / "recording")) == curves
    assert weights(tmp_path / "recording") == weights(plain_folder)
    for split_name in ("val", "test"):
        ours, theirs = (
            Predictions.read(folder / f"{split_name}.parquet") for folder in (tmp_path / "recording", plain_folder)
        )
        assert np.array_equal(ours.max_softmax_EN, theirs.max_softmax_EN)  # type: ignore[arg-type]
    assert recording.key != plain_run.key


def test_recording_between_steps_of_native_kernels_changes_no_weight(
    tmp_path: Path, kernels: KernelsForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.stand_in(monkeypatch)
    as_native = {"kernels": "native", "regime": [{**phase, "batch_size": 30} for phase in TWO_PHASES]}
    for name, record in (("plain", None), ("recording", {"samples": "test", "every_steps": 2})):
        trained(run_of(tmp_path, record, **as_native), tmp_path / name)
    assert weights(tmp_path / "recording") == weights(tmp_path / "plain")
    course, at_the_end = (course_in(tmp_path / "recording"), Predictions.read(tmp_path / "plain" / "test.parquet"))
    assert len(course.moments) > 6
    assert np.array_equal(course.correct_TEN[-1], at_the_end.correct_EN)


def test_what_is_recorded_is_what_the_network_answers(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"samples": "val"})
    curves = trained(run, tmp_path / "a")
    course, at_the_end = course_in(tmp_path / "a"), Predictions.read(tmp_path / "a" / "val.parquet")
    assert [moment.epoch for moment in course.moments] == [1, 2, 3]
    assert [moment.step for moment in course.moments] == [5, 10, 15]
    assert [moment.lr for moment in course.moments] == pytest.approx([0.1, 0.1, 0.01])
    assert np.array_equal(course.ids_N, at_the_end.ids_N)
    assert np.array_equal(course.labels_N, at_the_end.labels_N)  # type: ignore[arg-type]
    assert np.array_equal(course.correct_TEN[-1], at_the_end.correct_EN)
    assert np.abs(course.confidence_TEN[-1] / 255 - at_the_end.max_softmax_EN).max() <= 0.5 / 255 + 1e-6
    for right_EN, epoch in zip(course.correct_TEN, curves, strict=True):
        assert right_EN.mean(axis=1) == pytest.approx(epoch.val_accuracy)
    assert course.fingerprint == at_the_end.fingerprint
    assert course.split == "val"


def test_moments_within_epochs_and_some_samples(tmp_path: Path) -> None:
    """5 steps an epoch, a moment every 4: in the middle of epochs, at the end of one, and at the end of the phase."""
    run = run_of(tmp_path, {"samples": "test", "ids": [30, 4], "every_steps": 4}, regime=[{"epochs": 5}])
    trained(run, tmp_path / "a")
    course, at_the_end = course_in(tmp_path / "a"), Predictions.read(tmp_path / "a" / "test.parquet")
    assert [(moment.step, moment.epoch) for moment in course.moments] == [
        (4, 0.8), (8, 1.6), (12, 2.4), (16, 3.2), (20, 4.0), (24, 4.8), (25, 5.0)
    ]  # fmt: skip
    assert course.ids_N.tolist() == [4, 30]
    rows = np.flatnonzero(np.isin(at_the_end.ids_N, [4, 30]))
    assert np.array_equal(course.correct_TEN[-1], at_the_end.correct_EN[:, rows])


@pytest.fixture(
    scope="module", params=[{"samples": "val"}, {"samples": "test", "every_steps": 3}], ids=["epochs", "steps"]
)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What is recorded, and the folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    trained(run_of(folder, request.param, regime=TWO_PHASES), folder)
    return request.param, folder


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_a_run_that_was_killed_keeps_what_it_had_recorded(
    tmp_path: Path, whole: tuple[dict[str, Any], Path], epochs_before: int
) -> None:
    record, whole_folder = whole
    run, cut = run_of(tmp_path, record, regime=TWO_PHASES), tmp_path / "cut"
    cut.mkdir()
    stopping = train(run, cut, "cpu")
    for _ in range(1 + epochs_before):
        next(stopping)
    stopping.close()  # type: ignore[attr-defined]
    for place, copy in (("here", NAME), ("elsewhere", STORED_CHECKPOINT)):
        kept = tmp_path / place
        kept.mkdir()
        shutil.copy(cut / NAME, kept / copy)  # all that a machine that was lost leaves behind
        trained(run, kept)
        assert (kept / COURSE_FILE).read_bytes() == (whole_folder / COURSE_FILE).read_bytes()
        assert weights(kept) == weights(whole_folder)


def test_a_run_that_begins_with_another_has_its_record_too(tmp_path: Path) -> None:
    record = {"samples": "val", "every_epochs": 3}
    parent, child = (run_of(tmp_path, record, regime=TWO_PHASES[:number]) for number in (1, 2))
    trained(parent, tmp_path / "parent")
    trained(child, tmp_path / "whole")
    (tmp_path / "child").mkdir()
    shutil.copy(tmp_path / "parent" / NAME, tmp_path / "child" / PARENT_CHECKPOINT)
    trained(child, tmp_path / "child", parent.key)
    assert (tmp_path / "child" / COURSE_FILE).read_bytes() == (tmp_path / "whole" / COURSE_FILE).read_bytes()
    moments = course_in(tmp_path / "whole").moments
    assert [(moment.epoch, moment.phase) for moment in moments] == [(2, 1), (3, 2), (4, 2)]


def test_a_record_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"samples": "test", "ids": [3, 4]})
    with pytest.raises(ValueError, match=r"record.ids: 5000 is not among the 80 test samples of this run"):
        trained(run_of(tmp_path, {"samples": "test", "ids": [3, 5000]}), tmp_path / "a")
    trained(run, tmp_path / "b")
    other = run.model_copy(update={"record": None})
    shutil.copy(tmp_path / "b" / NAME, tmp_path / "a" / PARENT_CHECKPOINT)
    with pytest.raises(ValueError, match="belongs to run"):
        trained(other, tmp_path / "b")
    many = run_of(tmp_path, {"samples": "test", "every_steps": 1}, regime=[{"epochs": 40_000}])
    with pytest.raises(
        ValueError, match=r"record: 80 samples at 3 exits and up to 200001 moments are 54,000,270 bytes"
    ):
        trained(many, tmp_path / "c")


@pytest.mark.parametrize(
    "record, sentence",
    [
        (
            {"samples": "validation"},
            r"small.yaml: record.samples: input should be 'train', 'val' or 'test', got 'valid",
        ),
        ({}, r"record.samples: this key is required"),
        ({"samples": "val", "every": 2}, r"record.every: unknown key 'every'; did you mean 'every_"),
        ({"samples": "val", "every_epochs": 0}, r"record.every_epochs: .*greater than or equal to 1, got 0"),
        ({"samples": "val", "every_epochs": 1, "every_steps": 5}, r"record: every_epochs and every_steps: give one of"),
        ({"samples": "val", "ids": [3, 3]}, r"record: ids: one of them is there twice"),
        ({"samples": "val", "ids": []}, r"record.ids: .*at least 1"),
        ([3, 4], r"record: expected keys and values, got \[3, 4\]"),
    ],
)
def test_a_mistake_in_what_to_record_is_one_sentence(tmp_path: Path, record: Any, sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        small(tmp_path, record=record)


def test_the_key_has_what_is_recorded_and_nothing_else_moves_it(tmp_path: Path) -> None:
    plain, one = run_of(tmp_path, None), run_of(tmp_path, {"samples": "val"})
    assert one.key != plain.key
    assert run_of(tmp_path, {"samples": "val", "every_epochs": 1}).key == one.key
    assert run_of(tmp_path, {"samples": "test"}).key != one.key
    assert one.model_copy(update={"record": None}).key == plain.key


def test_recording_costs_little_beside_the_evaluation(tmp_path: Path) -> None:
    """What is computed in addition where validation samples are evaluated anyway, in processor time."""
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (1000, 1, 32, 32), generator=chance, dtype=torch.uint8)
    labels = torch.randint(0, 10, (1000,), generator=chance)
    samples = Samples(images, labels, torch.tensor([0.5]), torch.tensor([0.3]))
    spec = MSDNetSpec(kind="msdnet", channels=8, growth=4)
    network = spec.build((1, 32, 32), 10, chance)
    recorder = Recorder(RecordSpec(samples="val"), samples, np.arange(1000))
    started = time.process_time()
    logits_ENC = logits_of(network, samples)
    evaluated = time.process_time()
    for epoch in range(5):
        answers_ENC = recorder.of_validation(logits_ENC)
        assert answers_ENC is not None
        recorder.after_step()
        recorder.add(answers_ENC, epoch, 1, 0.1)
        recorder.tensors()
    assert (time.process_time() - evaluated) / 5 < 0.1 * (evaluated - started)
