"""Launching for real: worker processes, an SQLite store, kills."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest

from overthink.cli.definitions import load_definitions
from overthink.comparison.overthinking import overthinking_rows
from overthink.comparison.paired import with_differences
from overthink.definition.loading import experiment_of_run
from overthink.inference.budgeted import lookup_table
from overthink.inference.confidence import CRITERIA
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options, Outcomes
from overthink.launching.plan import plan
from overthink.launching.planned_run import Parent, run_folder
from overthink.launching.recording.group_recorder import group_spec
from overthink.launching.recording.run_recorder import RunRecorder
from overthink.outbox import journal_logger
from overthink.outbox.journal import Journal
from overthink.outbox.sender import OutboxSender
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.report.analysis import analyse
from overthink.running.stored_run import lookup_table_of
from overthink.store import group, tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.liveness import ABANDONED_SECONDS, this_host
from overthink.store.reader import stored_definition
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.uri import journals_folder
from overthink.store.writer import Writer
from support.launches import Quiet, attempts, command, launch_anew, launch_inline, lines_until, opened, workers_of
from support.outages import runs_of, the_group
from support.small import definition, small


@pytest.fixture(scope="module")
def launched_once(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> tuple[Path, Outcomes]:
    """The database after a launch of two seeds: tests start from a copy of it."""
    folder = tmp_path_factory.mktemp("launched")
    with pytest.MonkeyPatch.context() as patch:
        launched = opened(folder, empty_database, patch)
        return folder / "mlflow.db", launch_inline(launched, [small(folder)])


@pytest.fixture
def launched(launched_once: tuple[Path, Outcomes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of the test's own in which both runs are finished."""
    return opened(tmp_path, launched_once[0], monkeypatch)


def history(store: Store, run_id: str, metric: str = "epochs/train_loss") -> list[tuple[int, float]]:
    return [(entry.step, entry.value) for entry in store.client.get_metric_history(run_id, metric)]


def test_everything_a_run_leaves_behind(launched: Store, launched_once: tuple[Path, Outcomes], tmp_path: Path) -> None:
    assert launched_once[1].complete
    store = launched
    first, second = runs_of(store)
    assert (first.outcome, second.outcome) == (tags.FINISHED, tags.FINISHED)
    assert [step for step, _ in history(store, first.run_id)] == [1, 2, 3]
    for metric in (
        "test/accuracy/last",
        "test/overthinking/any_later",
        "val/oracle/accuracy",
        "network/mul_adds/exit_3",
    ):
        assert metric in first.metrics
    assert f"| 3 | {first.metrics['network/mul_adds/exit_3'] / 1e6:.2f} M |" in first.note
    assert f"(#/experiments/{first.experiment_id}/runs/{first.group_id}?workflowType" in first.note
    predictions = store.predictions(first.run_id, "test")
    assert first.metrics["test/accuracy/exit_3"] == pytest.approx(predictions.correct_EN[2].mean())
    assert predictions.logits_ENC is None
    assert store.predictions(first.run_id, "val").logits_ENC is not None  # on which temperatures are fitted
    mlflow_run = store.client.get_run(first.run_id)
    assert mlflow_run.data.params["network.growth"] == "2"
    assert not [name for name in mlflow_run.data.metrics if name.startswith("network/")]  # constants make no charts
    assert len(mlflow_run.data.tags[tags.PARAMETERS].split()) == 3
    assert mlflow_run.data.params["seeds.order"] == "0"
    assert mlflow_run.inputs.dataset_inputs[0].dataset.name == "max-min-mnist"
    assert "| exit |" in first.note
    there = {item.path for item in store.client.list_artifacts(first.run_id)}
    assert there == {"definition.json", "provenance.json", "predictions", "checkpoint", "figures.html"}
    (attempt,) = attempts(store, first.run_id, tmp_path)
    assert attempt["settings"]["threads"] == 1
    assert attempt["versions"]["torch"]
    assert attempt["epochs_before"] == 0
    assert not run_folder(first.run_key).exists()


@pytest.mark.process
def test_worker_processes_leave_the_same_behind(
    launched: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    folder = tmp_path / "by-workers"
    folder.mkdir()
    store = opened(folder, empty_database, monkeypatch)
    assert launch(store, [small(folder)], Options(jobs=2), Quiet()).complete
    for ours, theirs in zip(runs_of(store), runs_of(launched), strict=True):
        assert (ours.run_key, ours.params, ours.metrics.keys()) == (
            theirs.run_key,
            theirs.params,
            theirs.metrics.keys(),
        )
        for name in ours.metrics:
            assert ours.metrics[name] == theirs.metrics[name] or not name.startswith(("val/", "test/")), name
        assert history(store, ours.run_id) == history(launched, theirs.run_id)
        there, here = (
            {item.path for item in of.client.list_artifacts(run.run_id)}
            for of, run in ((launched, theirs), (store, ours))
        )
        assert here == there


def test_a_group_says_what_its_seeds_say_together(launched: Store) -> None:
    store = launched
    first, second = runs_of(store)
    group = the_group(store)
    assert first.group_id == second.group_id == group.run_id
    assert (group.outcome, group.seeds_label, group.metrics["seeds/n"]) == (tags.FINISHED, "0 1", 2.0)
    assert group.metrics["network/mul_adds/exit_3"] == first.metrics["network/mul_adds/exit_3"]
    assert f"[1](#/experiments/{group.experiment_id}/runs/{second.run_id}?workflowType" in group.note
    last = [run.metrics["test/accuracy/last"] for run in (first, second)]
    assert group.metrics["test/accuracy/last"] == pytest.approx(sum(last) / 2, abs=1e-6)
    assert group.metrics["seeds_std/test/accuracy/last"] == pytest.approx(abs(last[0] - last[1]) / 2**0.5, abs=1e-6)


def test_a_second_call_trains_nothing(launched: Store, tmp_path: Path) -> None:
    store = launched
    before = [history(store, the_group(store).run_id, "seeds/n"), *runs_of(store)]
    quiet = Quiet()
    outcomes = launch_inline(store, [small(tmp_path)], Options(), quiet)
    assert outcomes.complete
    assert len(outcomes.runs["done"]) == 2
    assert quiet.bodies == []
    assert [history(store, the_group(store).run_id, "seeds/n"), *runs_of(store)] == before


def test_more_seeds_train_those_alone_and_join_the_group(launched: Store, tmp_path: Path) -> None:
    store, quiet = launched, Quiet()
    launch_inline(store, [small(tmp_path, seeds=3)], Options(kernels="torch"), quiet)
    assert {body["run"] for body in quiet.bodies} == {"seed 2 · base · small"}
    assert the_group(store).metrics["seeds/n"] == 3.0
    assert the_group(store).seeds_label == "0:3"


def test_force_trains_anew_and_the_newest_counts(launched: Store, tmp_path: Path) -> None:
    store = launched
    launch_anew(store, [small(tmp_path, seeds=1)], Options(force=True), Quiet())
    runs = [run for run in runs_of(store) if run.seeds_label == "0"]
    assert len(runs) == 2
    old, new = sorted(runs, key=lambda run: run.started_ms)
    assert old.metrics["test/accuracy/last"] == new.metrics["test/accuracy/last"]
    (row,) = overthinking_rows([*runs_of(store), the_group(store)])
    assert new.run_id in row.run_ids
    assert old.run_id not in row.run_ids


def test_a_run_repeats_from_the_store_alone(launched: Store) -> None:
    first, _ = runs_of(launched)
    stored = stored_definition(launched, first.run_id)
    again = experiment_of_run(stored.text, "run:ID", stored.name, stored.variant, stored.description)
    assert again.experiment.description == "Tiny networks for tests."
    (planned,) = plan(launched, [again], dry=True)
    assert (planned.key, planned.action, planned.name) == (first.run_key, "done", "seed 0 · base · small")
    (forced,) = plan(launched, [again], force=True, dry=True)
    assert forced.action == "train"


def test_a_diverged_run_leaves_the_others_alone(store: Store, tmp_path: Path) -> None:
    raw = {"regime": [{"epochs": 1}], "seeds": 1, "variants": {"good": {}, "wild": {"regime.0.lr": 1e30}}}
    quiet = Quiet()
    outcomes = launch_inline(store, [small(tmp_path, **raw)], Options(), quiet)
    assert not outcomes.complete
    status = {run.variant: (run.status, run.outcome) for run in runs_of(store)}
    assert status == {"good": ("FINISHED", tags.FINISHED), "wild": ("FAILED", tags.DIVERGED)}
    (message,) = outcomes.messages.values()
    assert "diverged" in message
    again = launch_inline(store, [small(tmp_path, **raw)], Options(), Quiet())
    assert {outcome: len(runs) for outcome, runs in again.runs.items()} == {"done": 1, tags.DIVERGED: 1}


def test_missing_data_leave_nothing_half_made(store: Store, tmp_path: Path) -> None:
    dataset = {"kind": "max-min-mnist", "train": 400, "test": 80}
    outcomes = launch_inline(
        store, [small(tmp_path, dataset=dataset)], Options(data_root=tmp_path / "nowhere"), Quiet()
    )
    assert {outcome: len(runs) for outcome, runs in outcomes.runs.items()} == {tags.FAILED: 2}
    assert "nowhere" in next(iter(outcomes.messages.values()))
    assert runs_of(store) == []
    assert find_runs(store, kind=tags.KIND_GROUP) == []


def test_runs_of_dead_processes_are_found_and_closed(store: Store, tmp_path: Path) -> None:
    experiment = store.experiment("old", "note")
    abandoned = {tags.KIND: tags.KIND_RUN, tags.HOST: this_host(), tags.PROCESS: "4194999@1.0"}
    elsewhere = abandoned | {tags.HOST: "another-machine"}
    ids = [store.client.create_run(experiment, tags=run_tags).info.run_id for run_tags in (abandoned, elsewhere)]
    launch_inline(store, [small(tmp_path, seeds=1, regime=[{"epochs": 1}])], Options(), Quiet())
    assert [store.client.get_run(run_id).info.status for run_id in ids] == ["KILLED", "RUNNING"]


def test_a_run_left_on_a_machine_that_is_gone_goes_on(store: Store, tmp_path: Path) -> None:
    """Its heartbeat stopped long ago; where it wrote none, force alone may take it over."""
    once = {"seeds": 1, "regime": [{"epochs": 1}]}
    launch_inline(store, [small(tmp_path, **once)], Options(), Quiet())
    (run,) = runs_of(store)
    store.client.update_run(run.run_id, status="RUNNING")
    store.client.set_tag(run.run_id, tags.HOST, "another-machine")

    def action(force: bool = False) -> str:
        return plan(store, [small(tmp_path, **once)], force, dry=True)[0].action

    assert (action(), action(force=True)) == ("busy", "busy")
    store.client.set_tag(run.run_id, tags.HEARTBEAT, f"{time.time() - 2 * ABANDONED_SECONDS:.0f}")
    assert (action(), action(force=True)) == ("resume", "train")
    store.client.delete_tag(run.run_id, tags.HEARTBEAT)
    assert (action(), action(force=True)) == ("busy", "train")


def test_a_force_that_was_cut_short_goes_on(launched: Store, tmp_path: Path) -> None:
    store, one = launched, small(tmp_path, seeds=1)
    (planned,) = plan(store, [one], force=True)
    assert planned.forced
    courier = OutboxSender(store, Writer(store), print)
    recorder = RunRecorder.open(courier, planned, group_spec([planned], {}))
    recorder.ended(tags.INTERRUPTED, "interrupted by a signal")
    assert courier.wait() is None
    courier.stop()
    begun = recorder.logger.run_id
    assert begun is not None
    assert planned.lock is not None
    planned.lock.release()
    (again,) = plan(store, [one], dry=True)
    assert again.stored is not None
    assert (again.action, again.stored.run_id) == ("resume", begun)
    assert launch_inline(store, [one], Options(), Quiet()).complete
    assert store.client.get_run(begun).info.status == "FINISHED"
    assert plan(store, [one], dry=True)[0].action == "done"


def test_a_forced_run_counts_though_the_clock_was_set_back(
    launched: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest finished run of a key counts; it began before the older one, by the clock."""
    one = small(tmp_path, seeds=1)
    (before,) = plan(launched, [one], dry=True)
    monkeypatch.setattr(journal_logger, "now_ms", lambda: 1_000_000)
    assert launch_inline(launched, [one], Options(force=True), Quiet()).complete
    (after,) = plan(launched, [one], dry=True)
    assert before.stored is not None
    assert after.stored is not None
    assert after.stored.run_id != before.stored.run_id
    counting = newest_per_key(find_runs(launched, kind=tags.KIND_RUN))[before.key]
    assert counting.run_id == after.stored.run_id
    assert counting.forced


def test_one_run_that_cannot_be_recorded_leaves_the_others_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk under the journals is full while one run of two is recorded: it goes on at the next call."""
    keep = Journal.keep
    refused: list[str] = []

    def full(self: Journal, file: Path) -> str:
        if not refused:
            assert self.run_id is not None
            refused.append(self.run_id)
            raise OSError(28, "No space left on device")
        return keep(self, file)

    monkeypatch.setattr(Journal, "keep", full)
    short = small(tmp_path, regime=[{"epochs": 1}])
    outcomes = launch_anew(store, [short], Options(), Quiet())  # its run is in the store before it is recorded
    assert {outcome: len(runs) for outcome, runs in outcomes.runs.items()} == {tags.FAILED: 1, tags.FINISHED: 1}
    (message,) = outcomes.messages.values()
    assert "could not be recorded: [Errno 28] No space left" in message
    assert the_group(store).outcome == tags.FAILED
    again = launch_inline(store, [short], Options(), Quiet())
    assert again.complete
    assert [run.outcome for run in runs_of(store)] == [tags.FINISHED, tags.FINISHED]
    told = attempts(store, refused[0], tmp_path)
    assert [attempt["epochs_before"] for attempt in told] == [0, 1]


def test_a_store_whose_disk_is_full_for_a_while_costs_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Writer.artifacts
    refused: list[str] = []

    def full(self: Writer, run_id: str, files: Iterable[Path], folder: str | None = None) -> None:
        if len(refused) < 2:
            refused.append(run_id)
            raise OSError(28, "No space left on device")
        write(self, run_id, files, folder)

    monkeypatch.setattr(Writer, "artifacts", full)
    quiet = Quiet()
    one = small(tmp_path, seeds=1, regime=[{"epochs": 1}])
    assert launch_inline(store, [one], Options(kernels="torch"), quiet).complete
    said = [body["message"] for body in quiet.bodies if body["event"] == "noted"]
    assert "a run cannot be uploaded" in said[0]
    assert "No space left" in said[0]
    assert said[1:] == ["everything is uploaded again"]
    assert [run.outcome for run in runs_of(store)] == [tags.FINISHED]
    assert list(journals_folder().iterdir()) == []


def test_a_damaged_file_of_one_group_leaves_the_other_groups_alone(store: Store, tmp_path: Path) -> None:
    two = {"regime": [{"epochs": 1}], "variants": {"one": {}, "two": {"network.growth": 4}}}
    launch_inline(store, [small(tmp_path, seeds=1, **two)], Options(jobs=2), Quiet())
    damaged = next(run for run in runs_of(store) if run.variant == "one")
    (tmp_path / "test.parquet").write_bytes(b"noise")
    store.client.log_artifact(damaged.run_id, str(tmp_path / "test.parquet"), "predictions")
    outcomes = launch_inline(store, [small(tmp_path, seeds=2, **two)], Options(jobs=2), Quiet())
    assert not outcomes.complete
    assert list(outcomes.unaggregated) == ["one · small"]
    groups = {run.variant: run for run in find_runs(store, kind=tags.KIND_GROUP)}
    assert (groups["one"].outcome, groups["two"].outcome) == (tags.INTERRUPTED, tags.FINISHED)
    assert groups["two"].metrics["seeds/n"] == 2.0


def test_a_group_ends_when_its_last_run_does(store: Store, tmp_path: Path) -> None:
    """And not when the launch has ended its other groups, which may take hours more."""
    two = {"regime": [{"epochs": 1}], "variants": {"one": {}, "two": {"network.growth": 4}}}
    launch_inline(store, [small(tmp_path, seeds=2, **two)], Options(), Quiet())
    for one in find_runs(store, kind=tags.KIND_GROUP):
        ended = [run.ended_ms or 0 for run in runs_of(store) if run.variant == one.variant]
        assert one.ended_ms == max([one.started_ms, *ended])  # a replayed run may end before its group begins


def test_artifacts_that_were_deleted_are_named_with_the_remedy(store: Store, tmp_path: Path) -> None:
    """Somebody has removed `mlruns`, and kept `mlflow.db`."""
    loaded = small(tmp_path, seeds=1, regime=[{"epochs": 1}])
    launch_inline(store, [loaded], Options(), Quiet())
    Writer(store).close(the_group(store).run_id, tags.INTERRUPTED)
    shutil.rmtree(store.client.get_run(runs_of(store)[0].run_id).info.artifact_uri)
    again = launch_inline(store, [loaded], Options(), Quiet())
    (message,) = again.unaggregated.values()
    assert f"predictions/test.parquet of run {runs_of(store)[0].run_id} is not there" in message
    assert "--force" in message
    assert launch_inline(store, [loaded], Options(force=True), Quiet()).complete
    assert launch_inline(store, [loaded], Options(), Quiet()).complete


def test_a_signal_after_the_end_leaves_a_finished_run_finished(launched: Store, tmp_path: Path) -> None:
    store = launched
    first, _ = runs_of(store)
    (planned, _) = plan(store, [small(tmp_path)], dry=True)
    sender = OutboxSender(store, Writer(store), print)
    recorder = RunRecorder.open(sender, replace(planned, stored=first), group_spec([planned], {}))
    recorder.logger.close(tags.FINISHED)
    recorder.closing = True
    recorder.ended(tags.INTERRUPTED, "interrupted by a signal")
    assert sender.wait() is None
    sender.stop()
    assert store.client.get_run(first.run_id).info.status == "FINISHED"


def test_two_groups_made_at_one_moment_become_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = group_spec(plan(store, [small(tmp_path)]), {})
    seen = group.oldest
    blind = iter([True])
    monkeypatch.setattr(group, "oldest", lambda *of: None if next(blind, False) else seen(*of))
    first = group.ensure_group(store, Writer(store), where, work=True)
    blind = iter([True])  # the second call looks before the first has written, and finds nothing either
    second = group.ensure_group(store, Writer(store), where, work=True)
    assert first.group_id == second.group_id == the_group(store).run_id


TWO = {"regime": [{"epochs": 1}, {"epochs": 1, "lr": 0.01}]}


def test_phases_that_two_runs_share_are_trained_once(store: Store, tmp_path: Path) -> None:
    """The second run waits for the first within one call, says whose child it is, and ends with the same bits."""
    shared, quiet = small(tmp_path, regime=[{"epochs": 1}], seeds=1, variants={"one": {}, "two": TWO}), Quiet()
    planned = {run.group.variant: run for run in plan(store, [shared], dry=True)}
    assert planned["two"].parent == Parent(planned["one"].key, None, 1)
    assert launch_inline(store, [shared], Options(jobs=2), quiet).complete
    trained = [(body["run"], body["epoch"]) for body in quiet.bodies if body["event"] == "epoch"]
    assert trained == [("seed 0 · one · small", 1), ("seed 0 · two · small", 2)]
    runs = {run.variant: run for run in runs_of(store)}
    assert runs["two"].parent == (runs["one"].run_id, runs["one"].run_key)
    assert runs["one"].run_id in runs["two"].note
    assert [step for step, _ in history(store, runs["two"].run_id)] == [1, 2]
    launch_inline(store, [shared], Options(force=True, reuse=False), Quiet())
    anew = max((run for run in runs_of(store) if run.variant == "two"), key=lambda run: run.started_ms)
    assert anew.parent is None
    for metric in ("test/accuracy/last", "test/overthinking/any_later", "epochs/train_loss"):
        assert anew.metrics[metric] == runs["two"].metrics[metric]


def test_a_parent_that_is_finished_already_comes_from_the_store(store: Store, tmp_path: Path) -> None:
    launch_inline(store, [small(tmp_path, regime=[{"epochs": 1}], seeds=1)], Options(), Quiet())
    quiet = Quiet()
    launch_inline(store, [small(tmp_path, seeds=1, **TWO)], Options(), quiet)
    assert [body["epoch"] for body in quiet.bodies if body["event"] == "epoch"] == [2]


def test_a_diverged_seed_is_not_put_together_again_and_again(store: Store, tmp_path: Path) -> None:
    wild = small(tmp_path, regime=[{"epochs": 1, "lr": 1e30}], seeds=1)
    launch_inline(store, [wild], Options(), Quiet())
    before = the_group(store)
    launch_inline(store, [wild], Options(), Quiet())
    assert the_group(store) == before


LONG = {"regime": [{"epochs": 6, "drops": [4]}], "seeds": 1}


def finish(store: Store, folder: Path) -> tuple[StoredRun, Predictions]:
    """Call again after an interruption; return the one run there is, and its predictions."""
    outcomes = launch_inline(store, [small(folder, **LONG)], Options(), Quiet())
    assert outcomes.complete
    (run,) = runs_of(store)
    return run, store.predictions(run.run_id, "test")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[int, float]], Predictions]:
    """Loss over epochs and predictions of the long run when nothing disturbs it."""
    from overthink.running.run import train
    from overthink.training.epoch_record import EpochRecord

    folder = tmp_path_factory.mktemp("uninterrupted")
    events = list(train(small(folder, **LONG).groups[0].runs[0], folder, "cpu"))
    losses = [(event.epoch, event.train_loss) for event in events if isinstance(event, EpochRecord)]
    return losses, Predictions.read(folder / "test.parquet")


@pytest.mark.process
@pytest.mark.parametrize("victim", ["coordinator", "worker"])
def test_killed_and_called_again_ends_bit_for_bit(
    store: Store, tmp_path: Path, uninterrupted: tuple[list[tuple[int, float]], Predictions], victim: str
) -> None:
    definition(tmp_path, **LONG)
    process = command(tmp_path)
    list(lines_until(process, "epoch 2/6"))
    workers = workers_of(process)
    os.kill(process.pid if victim == "coordinator" else workers[0].pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive, "a worker outlived its coordinator"
    (left,) = runs_of(store)
    assert left.status == ("RUNNING" if victim == "coordinator" else "FAILED")
    run, predictions = finish(store, tmp_path)
    losses, whole = uninterrupted
    assert (run.run_id, run.outcome) == (left.run_id, tags.FINISHED)
    assert history(store, run.run_id) == losses
    assert (needed(predictions.max_softmax_EN, "confidence") == needed(whole.max_softmax_EN, "confidence")).all()
    assert (needed(predictions.predicted_EN, "classes") == needed(whole.predicted_EN, "classes")).all()


@pytest.mark.process
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_closes_its_runs(store: Store, tmp_path: Path, number: int, code: int) -> None:
    definition(tmp_path, **LONG)
    process = command(tmp_path)
    list(lines_until(process, "epoch 1/6"))
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    (run,) = runs_of(store)
    assert (run.status, run.outcome) == ("KILLED", tags.INTERRUPTED)
    assert the_group(store).status == "KILLED"
    run, _ = finish(store, tmp_path)
    assert (run.status, [step for step, _ in history(store, run.run_id)]) == ("FINISHED", [1, 2, 3, 4, 5, 6])


@pytest.mark.process
def test_two_commands_at_once_train_nothing_twice(store: Store, tmp_path: Path) -> None:
    definition(tmp_path, **LONG)
    first = command(tmp_path)
    list(lines_until(first, "started"))
    (planned,) = plan(store, [small(tmp_path, **LONG)])
    assert planned.action == "busy"
    first.communicate(timeout=120)
    assert first.returncode == 0
    assert len(runs_of(store)) == 1


@pytest.mark.process
def test_a_full_disk_costs_nothing_that_was_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file size limit stands in for a full disk: the operating system refuses the write either way."""
    definition(tmp_path, **LONG)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "from pathlib import Path; from support.small import small; from overthink.running.run import train; "
        "list(train(small(Path('.'), **{'regime': [{'epochs': 1}]}).groups[0].runs[0], Path('state'), 'cpu'))"
    )
    (tmp_path / "state").mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "could not write checkpoint" in done.stderr
    assert list((tmp_path / "state").iterdir()) == []


def test_an_analysis_adds_what_is_missing_once(launched: Store, tmp_path: Path) -> None:
    """Metrics of older runs, a lookup table, a page; a second time there is nothing to do."""
    store, (first, _) = launched, runs_of(launched)
    assert "test/budgeted/area" in first.metrics  # a run of today has them from its beginning
    groups = [the_group(store)]
    told = [entry.new for entry in analyse(store, runs_of(store), groups)]
    assert told == [True, True, True]
    validation = Predictions.read(store.artifact(first.run_id, "predictions/val.parquet", tmp_path))
    for criterion in CRITERIA:
        table, temperature_E = lookup_table_of(store, runs_of(store)[0], criterion)
        assert (table.threshold_PE == lookup_table(validation, criterion).threshold_PE).all()
        assert temperature_E is None
    again = [entry.new for entry in analyse(store, runs_of(store), [the_group(store)])]
    assert again == [False, False, False]
    for run in (first, the_group(store)):
        assert "Budgeted batch" in store.artifact(run.run_id, tags.ANALYSIS_PAGE, tmp_path).read_text()


def test_a_table_that_an_earlier_version_named_otherwise_is_computed(launched: Store, tmp_path: Path) -> None:
    list(analyse(launched, runs_of(launched), []))
    first, _ = runs_of(launched)
    for spelling in ("top2-ratio", "top2_ratio"):
        table, _ = lookup_table_of(launched, first, spelling)
        assert table.criterion == "top2-ratio"
    launched.artifact(first.run_id, "analysis/budgets/top2-ratio.json", tmp_path)
    kept = urlsplit(launched.client.get_run(first.run_id).info.artifact_uri).path
    stored = Path(kept) / "analysis" / "budgets" / "top2-ratio.json"
    stored.rename(stored.with_name("top2_ratio.json"))
    again, _ = lookup_table_of(launched, first, "top2-ratio")
    assert (again.threshold_PE == table.threshold_PE).all()


def test_an_older_run_gets_the_metrics_it_lacks(launched: Store) -> None:
    first, _ = runs_of(launched)
    with closing(sqlite3.connect(Path("mlflow.db").absolute())) as connection, connection:
        for table in ("metrics", "latest_metrics"):
            connection.execute(f"DELETE FROM {table} WHERE key LIKE 'test/budgeted/%'")
    lacking = next(run for run in runs_of(launched) if run.run_id == first.run_id)
    assert "test/budgeted/area" not in lacking.metrics
    list(analyse(launched, [lacking], []))
    assert next(run for run in runs_of(launched) if run.run_id == first.run_id).metrics == first.metrics


@pytest.mark.process
def test_budget_from_the_command_line(launched: Store, tmp_path: Path) -> None:
    first, _ = runs_of(launched)
    asked = [sys.executable, "-m", "overthink.cli", "budget", first.run_id[:8], "--json", "--mul-adds"]
    generous = subprocess.run([*asked, "1e9"], cwd=tmp_path, capture_output=True, text=True, check=True)
    answer = json.loads(generous.stdout)
    assert len(answer["thresholds"]) == 2
    assert answer["mul_adds_per_sample"] <= 1e9
    stingy = subprocess.run([*asked, "10"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert stingy.returncode == 2
    assert "a budget of 10 MUL-ADDs per sample is below the cost of the cheapest thresholds" in stingy.stderr


def test_a_parent_that_the_store_no_longer_has_costs_its_epochs_alone(store: Store, tmp_path: Path) -> None:
    launch_inline(store, [small(tmp_path, regime=[{"epochs": 1}], seeds=1)], Options(), Quiet())
    (parent,) = runs_of(store)
    lost = store.client.get_run(parent.run_id).info.artifact_uri
    (Path(lost) / "checkpoint" / "checkpoint.safetensors").unlink()
    quiet = Quiet()
    assert launch_inline(store, [small(tmp_path, seeds=1, **TWO)], Options(), quiet).complete
    assert [body["epoch"] for body in quiet.bodies if body["event"] == "epoch"] == [1, 2]


@pytest.mark.process
def test_killed_in_the_second_phase_of_a_child_ends_bit_for_bit(store: Store, tmp_path: Path) -> None:
    """The first phase is another run's, the teacher is remembered, and the coordinator is killed between."""
    from overthink.running.run import train

    tuned = {"epochs": 4, "lr": 0.01, "attach": {"kind": "isc", "width": 4}, "loss": {"kind": "ofa"}}
    variants = {"one": {}, "two": {"regime": [{"epochs": 1}, tuned]}}
    raw = {"regime": [{"epochs": 1}], "seeds": 1, "variants": variants}
    definition(tmp_path, **raw)
    process = command(tmp_path)
    list(lines_until(process, "epoch 3/5"))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    loaded = small(tmp_path, **raw)
    assert launch_inline(store, [loaded], Options(), Quiet()).complete
    child = next(run for run in runs_of(store) if run.variant == "two")
    assert [step for step, _ in history(store, child.run_id)] == [1, 2, 3, 4, 5]
    (tmp_path / "whole").mkdir()
    list(train(loaded.groups[1].runs[0], tmp_path / "whole", "cpu"))
    whole = Predictions.read(tmp_path / "whole" / "test.parquet")
    found = store.predictions(child.run_id, "test")
    assert (needed(found.max_softmax_EN, "confidence") == needed(whole.max_softmax_EN, "confidence")).all()
    assert (needed(found.predicted_EN, "classes") == needed(whole.predicted_EN, "classes")).all()


def test_a_corruption_is_asked_of_a_network_that_is_trained(store: Store, tmp_path: Path) -> None:
    """All phases are another run's; validation predictions and weights are the same, test predictions are not."""
    trained_early = {"regime": [{"epochs": 30, "lr": 1e-9, "stop_after": 1}], "seeds": 1}
    noisy = {"dataset.corruption": "gaussian-noise:5"}
    loaded, quiet = small(tmp_path, **trained_early, variants={"clean": {}, "noisy": noisy}), Quiet()
    planned = {run.group.variant: run for run in plan(store, [loaded], dry=True)}
    assert planned["clean"].parent is None
    assert planned["noisy"].parent == Parent(planned["clean"].key, None, 1)
    assert launch_inline(store, [loaded], Options(), quiet).complete
    assert {body["run"] for body in quiet.bodies if body["event"] == "epoch"} == {"seed 0 · clean · small"}
    runs = {run.variant: run for run in runs_of(store)}
    assert runs["noisy"].parent == (runs["clean"].run_id, runs["clean"].run_key)
    assert runs["noisy"].dataset.label == "max-min-mnist, gaussian-noise 5"
    assert "Its network was trained in" in runs["noisy"].note
    clean, other = (
        {split: store.predictions(runs[name].run_id, split) for split in ("val", "test")} for name in ("clean", "noisy")
    )
    assert np.array_equal(needed(clean["val"].entropy_EN, "entropy"), needed(other["val"].entropy_EN, "entropy"))
    assert not np.array_equal(needed(clean["test"].entropy_EN, "entropy"), needed(other["test"].entropy_EN, "entropy"))
    rows = overthinking_rows(list(runs.values()))
    compared = with_differences(rows, "small: clean")
    assert [row.has_no_baseline for row in compared] == [False, False]


def test_stored_runs_that_are_tested_on_corrupted_images_are_one_group(launched: Store) -> None:
    ids = [f"run:{run.run_id}" for run in runs_of(launched)]
    loaded = load_definitions(ids, [], None, ["contrast:2"])
    assert launch_inline(launched, loaded, Options(), Quiet()).complete
    (noisy,) = [run for run in find_runs(launched, kind=tags.KIND_GROUP) if "contrast" in run.dataset.label]
    assert noisy.seeds_label == "0 1"
    assert noisy.metrics["seeds/n"] == 2
