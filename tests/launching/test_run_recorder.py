"""What a run logs, kept in memory: no store, no outbox, no worker process."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun, run_folder
from overthink.launching.recording.checkpoint_copies import CheckpointCopies
from overthink.launching.recording.group_recorder import group_spec
from overthink.launching.recording.run_recorder import ATTEMPTS_FILE, EPOCH_LOSS, RunRecorder, epoch_metrics
from overthink.outbox.run_logger import RunStart
from overthink.running.events import Lost
from overthink.running.provenance import attempts_of
from overthink.store import tags
from overthink.store.stored import StoredRun
from overthink.training.epoch_record import EpochRecord
from overthink.training.regime import OWN_CHECKPOINT
from support.engines import started
from support.memory_logger import MemoryLogger
from support.small import small


class Sender:
    """Begins runs in memory."""

    is_shared = False

    def __init__(self) -> None:
        self.starts: list[RunStart] = []

    def begin(self, start: RunStart, held: bool = False) -> MemoryLogger:
        self.starts.append(start)
        return MemoryLogger()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlannedRun:
    monkeypatch.chdir(tmp_path)
    (planned,) = plan(None, [small(tmp_path, seeds=1)], dry=True)
    run_folder(planned.key).mkdir(parents=True)
    return planned


def test_a_snapshot_is_recorded_once_also_where_its_run_was_killed_before_that(run: PlannedRun) -> None:
    """Those of an earlier attempt that the store has stay as they are; without a file there is none."""
    earlier = StoredRun("before", "1", run.name, "KILLED", 0, snapshots=(1,))
    kept = replace(run, run=run.run.keeping([1, 2, 3]), stored=earlier)
    for number in (1, 2, 3):
        (run_folder(run.key) / f"epoch-{number}.safetensors").write_bytes(bytes([number]))
    recorder = RunRecorder.open(Sender(), kept, group_spec([kept], {}))  # type: ignore[arg-type]
    logger = recorder.logger
    assert isinstance(logger, MemoryLogger)
    recorder.record(replace(started(), history=(epoch(1), epoch(2))))
    assert logger.files == {"snapshots/epoch-2.safetensors": b"\x02"}
    assert logger.tags[tags.SNAPSHOTS] == "1 2"
    (run_folder(run.key) / "epoch-3.safetensors").unlink()
    recorder.record(epoch(3))
    assert logger.tags[tags.SNAPSHOTS] == "1 2"


def epoch(number: int) -> EpochRecord:
    return EpochRecord(number, 1, 0.1, 1 / number, (0.5, 0.6), (0.4, 0.5), (0.7, 0.6), 1.0, 100.0)


def test_a_new_run_logs_its_definition_its_data_and_its_epochs(run: PlannedRun) -> None:
    recorder = RunRecorder.open(sender := Sender(), run, group_spec([run], {}))  # type: ignore[arg-type]
    logger = recorder.logger
    assert isinstance(logger, MemoryLogger)
    assert sender.starts[0].run_tags[tags.RUN_KEY] == run.key
    assert sender.starts[0].definition == run.run.model_dump(mode="json")
    assert recorder.record(started(at=1.5)) is None
    for number in (1, 2):
        recorder.record(epoch(number))
    assert logger.data == ["1.5"]
    assert logger.metrics[EPOCH_LOSS] == {1: 1.0, 2: 0.5}
    assert logger.metrics["epochs/val_accuracy/exit_1"] == {1: 0.7, 2: 0.7}
    assert logger.markers == {1: None, 2: None}
    recorder.ended(tags.DIVERGED, "the loss is not finite")
    recorder.ended(tags.INTERRUPTED, "by a signal")  # a run ends once
    assert logger.end == (tags.DIVERGED, "the loss is not finite")


def test_an_epoch_logs_overthinking_beside_accuracy() -> None:
    metrics = epoch_metrics(replace(epoch(3), val_overthinking=0.2, val_final_overthinking=0.125, val_oracle=0.75))
    assert metrics["epochs/overthinking/val_any_later"] == 0.2
    assert metrics["epochs/overthinking/val_final"] == 0.125
    assert metrics["epochs/val_accuracy/oracle"] == 0.75


def test_an_epoch_logs_the_validation_loss_of_the_last_exit() -> None:
    record = epoch(3)
    assert epoch_metrics(record)["epochs/val_loss/last"] == record.val_loss[-1]


def test_an_epoch_of_an_earlier_version_or_of_one_exit_has_no_overthinking() -> None:
    one_exit = replace(epoch(3), val_accuracy=(0.7,), val_overthinking=0.0, val_final_overthinking=0.0, val_oracle=0.7)
    for record in (epoch(3), one_exit):
        assert not [name for name in epoch_metrics(record) if "overthinking" in name or "oracle" in name]


def test_epochs_after_a_lost_machine_are_logged_unless_they_are_there(run: PlannedRun) -> None:
    recorder = RunRecorder(logger := MemoryLogger(), run)
    recorder.record(started())
    recorder.record(epoch(1))
    recorder.record(Lost("the machine has gone"))
    recorder.record(epoch(2))
    assert logger.markers == {1: None, 2: EPOCH_LOSS}


def test_other_settings_of_a_resumed_run_are_a_warning_and_a_tag(run: PlannedRun) -> None:
    RunRecorder(MemoryLogger(), run).record(started())
    resumed = replace(started(), history=(epoch(1),))
    assert RunRecorder(logger := MemoryLogger(), run).record(resumed) is None
    assert tags.MIXED not in logger.tags
    elsewhere = replace(resumed, settings={"device": "cuda", "threads": 1})
    warning = RunRecorder(logger := MemoryLogger(), run).record(elsewhere)
    assert warning is not None
    assert logger.tags[tags.MIXED] in warning
    assert logger.markers == {1: EPOCH_LOSS}
    assert len(attempts_of((run_folder(run.key) / ATTEMPTS_FILE).read_text())) == 3


def test_a_full_disk_does_not_lose_earlier_attempts(run: PlannedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    RunRecorder(MemoryLogger(), run).record(started())
    write = Path.write_text

    def write_half(path: Path, text: str, **how: Any) -> None:
        write(path, text[: len(text) // 2], **how)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", write_half)
        with pytest.raises(OSError, match="No space left"):
            RunRecorder(MemoryLogger(), run).record(started())
    RunRecorder(MemoryLogger(), run).record(started())
    assert len(attempts_of((run_folder(run.key) / ATTEMPTS_FILE).read_text())) == 2


def test_a_copy_of_the_checkpoint_waits_for_the_one_before(run: PlannedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERTHINK_CHECKPOINT_SECONDS", "0")
    folder, logger = run_folder(run.key), MemoryLogger()
    copies = CheckpointCopies(logger)
    copies.send(folder)  # there is none yet
    assert logger.files == {}
    for content, uploading, expected in ((b"1", False, b"1"), (b"2", True, b"1"), (b"3", False, b"3")):
        (folder / OWN_CHECKPOINT).write_bytes(content)
        logger.uploading = uploading
        copies.send(folder)
        assert logger.files[f"checkpoint/{OWN_CHECKPOINT}"] == expected


def test_a_definition_file_whose_name_is_not_utf_8(run: PlannedRun) -> None:
    loaded = replace(run.experiment, source=os.fsdecode(b"caf\xe9.yaml"))
    recorder = RunRecorder.open(sender := Sender(), run, group_spec([replace(run, experiment=loaded)], {}))  # type: ignore[arg-type]
    assert sender.starts[0].run_tags["mlflow.source.name"] == "caf?.yaml"
    assert recorder.planned is run
