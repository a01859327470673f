"""The tracking server is killed, restarted, loses replies, refuses: nothing is lost, nothing is doubled."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from overthink.definition.loading import load_experiment
from overthink.launching.outcomes import Options
from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun
from overthink.outbox.entries import Link, Log
from overthink.outbox.journal import Journal
from overthink.outbox.journal_logger import JournalLogger
from overthink.outbox.pending import finished_keys, has_pending, upload_pending
from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.running.events import NAMES, Event
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.store.group_spec import GroupSpec
from overthink.store.uri import identity, journals_folder
from overthink.store.writer import Writer
from overthink.training.epoch_record import EpochRecord
from support.launches import Quiet, command, launch_anew, lines_until, opened
from support.mlflow_server import Proxy, Served
from support.outages import TIMED, Histories, artifacts, assert_nothing_lost_or_doubled, histories, runs_of, the_group
from support.policy_file import policy_file
from support.small import definition, small

SIX = {"regime": [{"epochs": 6, "drops": [4]}], "seeds": 2}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's client still repeats requests by itself, but does not wait for seconds before it does."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """The folder of an SQLite store in which nothing ever went wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert launch_anew(
            opened(folder, empty_database, patch), [small(folder, **SIX)], Options(jobs=2), Quiet()
        ).complete
    return folder


class Meddler(Quiet):
    """A listener that does something at given moments."""

    def __init__(self, **deeds: Callable[[], None]) -> None:
        super().__init__()
        self._deeds = deeds

    def on_plan(self, runs: Any) -> None:
        self._do("planned")

    def on_event(self, run: PlannedRun, event: Event) -> None:
        super().on_event(run, event)
        number = event.epoch if isinstance(event, EpochRecord) else ""
        self._do(f"{NAMES[type(event)]}_{number}_{run.run.seeds.label}")

    def _do(self, moment: str) -> None:
        if moment in self._deeds:
            self._deeds.pop(moment)()

    @property
    def notes(self) -> list[str]:
        return [body["message"] for body in self.bodies if body["event"] == "noted"]


def overthink(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "overthink.cli", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_killed_and_started_again_while_runs_train(served: Served, undisturbed: Path, tmp_path: Path) -> None:
    watch = Meddler(epoch_2_0=served.kill, started__1=lambda: served.start(wait=False))
    outcomes = launch_anew(Store(), [small(tmp_path, **SIX)], Options(), watch)
    assert outcomes.complete, outcomes
    assert_nothing_lost_or_doubled(Store(), undisturbed, tmp_path)
    assert the_group(Store()).metrics["seeds/n"] == 2.0
    assert "is unreachable; training continues" in watch.notes[0]
    assert watch.notes[-1] == "everything is uploaded again"


@pytest.mark.parametrize("moment, next_command", [("planned", "sync"), ("epoch_2_0", "run"), ("epoch_5_0", "compare")])
def test_unreachable_until_after_the_end(
    served: Served,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    next_command: str,
) -> None:
    """From the moment on, the second run's whole life included; then the next command uploads, asked or not."""
    monkeypatch.setenv("OVERTHINK_PATIENCE", "1")
    watch = Meddler(**{moment: served.kill})
    outcomes = launch_anew(Store(), [small(tmp_path, **SIX)], Options(), watch)
    assert not outcomes.complete
    assert outcomes.pending is not None
    assert len(outcomes.pending.runs) == 2
    assert "`overthink sync` uploads them" in str(outcomes.pending)
    assert {outcome: len(runs) for outcome, runs in outcomes.runs.items()} == {tags.FINISHED: 2}
    with pytest.raises(StoreError):
        launch_anew(Store(), [small(tmp_path, **SIX)], Options(), watch)
    served.start()
    if next_command == "run":
        again = launch_anew(Store(), [small(tmp_path, **SIX)], Options(), quiet := Meddler())
        assert again.complete
        assert {outcome: len(runs) for outcome, runs in again.runs.items()} == {"done": 2}
        assert {body["event"] for body in quiet.bodies} == {"noted"}
    else:
        done = overthink(tmp_path, next_command)
        assert done.returncode == 0, done.stderr
        assert "queued entries of seed 0 · base · small, seed 1 · base · small" in done.stderr
    store = Store()
    assert_nothing_lost_or_doubled(store, undisturbed, tmp_path)
    group = the_group(store)
    assert (group.outcome, group.metrics["seeds/n"]) == (tags.FINISHED, 2.0)
    once_more = overthink(tmp_path, "sync")
    assert (once_more.returncode, "Nothing is queued" in once_more.stderr) == (0, True)
    assert [the_group(store), *runs_of(store)] == [group, *runs_of(store)]
    assert_nothing_lost_or_doubled(store, undisturbed, tmp_path)


def test_run_reports_an_unreachable_server_and_exits_with_3(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERTHINK_PATIENCE", "1")
    path = definition(tmp_path, seeds=1, regime=[{"epochs": 4}])
    process = command(tmp_path)
    list(lines_until(process, "epoch 1/4"))
    served.kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 3, said
    assert "training continues" in said
    assert "1 run not fully uploaded" in said
    assert "Traceback" not in said
    refused = overthink(tmp_path, "run", str(path))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr
    synced = overthink(tmp_path, "sync")
    assert (synced.returncode, synced.stderr.startswith("error: store http")) == (1, True)
    served.start()
    planned = plan(Store(), [small(tmp_path, seeds=1, regime=[{"epochs": 4}])], dry=True)
    assert [run.action for run in planned] == ["queued"]
    assert overthink(tmp_path, "sync").returncode == 0
    assert [run.outcome for run in runs_of(Store())] == [tags.FINISHED]


def test_the_coordinator_is_killed_during_an_outage(served: Served, undisturbed: Path, tmp_path: Path) -> None:
    definition(tmp_path, **SIX)
    process = command(tmp_path, "--seeds", "0")
    list(lines_until(process, "epoch 2/6"))
    served.kill()
    list(lines_until(process, "epoch 4/6"))
    process.kill()
    process.communicate()
    served.start()
    assert has_pending(served.uri)
    again = launch_anew(Store(), [small(tmp_path, **(SIX | {"seeds": 1}))], Options(), Quiet())
    assert again.complete
    assert_nothing_lost_or_doubled(Store(), undisturbed, tmp_path, seeds=1)


def test_every_third_reply_is_lost(
    served: Served, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = count(1)
    proxy = Proxy(served.port, lambda *_: "drop" if next(turn) % 3 == 0 else None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.uri)
    try:
        assert launch_anew(Store(), [small(tmp_path, **SIX)], Options(), Quiet()).complete
    finally:
        proxy.close()
    assert proxy.harmed > 20
    assert_nothing_lost_or_doubled(Store(served.uri), undisturbed, tmp_path)
    assert the_group(Store(served.uri)).metrics["seeds/n"] == 2.0


def test_an_interruption_does_not_wait_for_an_unreachable_server(served: Served, tmp_path: Path) -> None:
    definition(tmp_path, **SIX)
    process = command(tmp_path)
    list(lines_until(process, "epoch 2/6"))
    served.kill()
    list(lines_until(process, "epoch 3/6"))
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - started < 25
    assert "`overthink sync` uploads" in said
    served.start()
    assert overthink(tmp_path, "sync").returncode == 0
    (run,) = runs_of(Store())
    assert (run.status, run.outcome) == ("KILLED", tags.INTERRUPTED)
    assert len(histories(Store(), run)[TIMED]) >= 2


def test_a_run_is_resumed_on_another_machine_from_the_copy_of_its_checkpoint(
    served: Served, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERTHINK_CHECKPOINT_SECONDS", "0")
    definition(tmp_path, **SIX)
    process = command(tmp_path, "--seeds", "0")
    list(lines_until(process, "epoch 4/6"))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    (run,) = runs_of(Store())
    copy = artifacts(Store(), run, tmp_path / "copy")["checkpoint/checkpoint.safetensors"]
    shutil.rmtree(tmp_path / ".overthink")  # the other machine never had it
    again = launch_anew(Store(), [small(tmp_path, **(SIX | {"seeds": 1}))], Options(), watch := Quiet())
    assert again.complete
    (started,) = (body for body in watch.bodies if body["event"] == "started")
    assert 1 <= len(started["history"]) <= 4
    assert len(copy) > 1000
    assert_nothing_lost_or_doubled(Store(), undisturbed, tmp_path, seeds=1)


def test_a_policy_network_finds_its_main_network_on_disk(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither has ever been in the store; afterwards each names the other by the id that the store gave it."""
    monkeypatch.setenv("OVERTHINK_PATIENCE", "1")
    more = {"dataset.train": 1000, "dataset.test": 400, "regime": [{"epochs": 2, "lr": 0.05}]}
    of = {"definition": "small.yaml", "set": more}
    loaded = load_experiment(policy_file(tmp_path, policy={"of": of, "labels": {"lambda": 50}}, seeds=1))
    outcomes = launch_anew(Store(), [loaded], Options(), Meddler(planned=served.kill))
    assert {outcome: len(runs) for outcome, runs in outcomes.runs.items()} == {tags.FINISHED: 2}, outcomes.messages
    served.start()
    store = Store()
    assert upload_pending(store, Writer(store)).queued == {}
    policy, main = sorted(find_runs(store, kind=tags.KIND_RUN), key=lambda run: not run.is_policy)
    assert policy.main == (main.run_id, main.run_key)
    assert main.policy_run_ids == (policy.run_id,)
    assert f"runs/{main.run_id}?" in policy.note
    assert f"runs/{policy.run_id}?" in main.note


def begin(sender: OutboxSender, key: str, experiment: str = "logged") -> JournalLogger:
    common = {tags.GROUP_KEY: f"group of {experiment}", tags.DEFINITION: experiment}
    place = GroupSpec(experiment, "A note.", {}, f"{experiment}: base", ("0",), common, {"network.growth": "2"})
    run_tags = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: key, tags.SEEDS: "0", **common}
    return sender.begin(RunStart(place, key, f"logged {key}", run_tags, {"seed": key}))


def log_run(logger: JournalLogger, folder: Path, epochs: int, pause: float = 0.0) -> Histories:
    """Log what a run logs, quicker than one; return it."""
    logger.dataset("digits", "f" * 64, {"kind": "digits"})
    logged: Histories = {}
    for epoch in range(1, epochs + 1):
        metrics = {f"epochs/m{number}": epoch + number / 7 for number in range(10)} | {"epochs/train_loss": 1 / epoch}
        logger.log(metrics, epoch)
        for key, value in metrics.items():
            logged.setdefault(key, []).append((epoch, value))
        time.sleep(pause)
    weights = folder / logger.handle / "weights.bin"
    weights.parent.mkdir()
    weights.write_bytes(logger.handle.encode() * 5000)
    logger.artifacts([weights], "checkpoint")
    logger.text("figures.html", f"<p>{logger.handle}</p>")
    logger.close(tags.FINISHED)
    return logged


def assert_logged(store: Store, key: str, logged: Histories, folder: Path) -> None:
    (run,) = find_runs(store, run_key=key)
    assert run.outcome == tags.FINISHED
    assert histories(store, run) == logged
    assert store.client.get_run(run.run_id).data.params == {"seed": key}
    assert len(store.client.get_run(run.run_id).inputs.dataset_inputs) == 1
    handle = run.attempt
    assert artifacts(store, run, folder / "back") == {
        "checkpoint/weights.bin": handle.encode() * 5000,
        "figures.html": f"<p>{handle}</p>".encode(),
    }


Fate = Callable[[str, str], str | int | None]


def often(share: float, harm: str | int, ending: str = "") -> Fate:
    luck = random.Random(7)
    return lambda _, path: harm if path.endswith(ending) and luck.random() < share else None


def at_first(seconds: float, harm: str | int) -> Fate:
    until = time.monotonic() + seconds
    return lambda *_: harm if time.monotonic() < until else None


def alternately(harm: str, ending: str) -> Fate:
    """Do harm to the first, the third, the fifth of the requests that go to one place."""
    turn = count(1)
    return lambda _, path: harm if path.endswith(ending) and next(turn) % 2 else None


@pytest.mark.parametrize(
    "fate, repeats",
    [
        (lambda: often(0.1, "drop"), 0),
        (lambda: often(0.4, "drop"), 3),
        (lambda: often(0.1, 500), 0),
        (lambda: often(0.4, 500), 3),
        (lambda: alternately("drop", "/create"), 0),
        (lambda: alternately("drop", "/create"), 3),
        (lambda: often(0.5, "drop", "/log-batch"), 0),
        (lambda: alternately("drop", "/log-inputs"), 0),
        (lambda: alternately("drop", "/weights.bin"), 0),
        (lambda: at_first(4, 503), 0),
        (lambda: at_first(4, 401), 3),
        (lambda: at_first(4, 404), 3),
        (lambda: at_first(4, 413), 3),
    ],
    ids=[
        "drop",
        "drop-3",
        "done-but-500",
        "done-but-500-3",
        "create",
        "create-3",
        "metrics",
        "data",
        "artifact",
        "503",
        "401",
        "404",
        "413",
    ],
)
def test_a_proxy_does_its_worst(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fate: Callable[[], Fate], repeats: int
) -> None:
    """Whether MLflow's client repeats a request by itself, or we do: everything is there, and once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(repeats))
    proxy = Proxy(served.port, lambda *_: None)
    store = Store(proxy.uri)
    sender = OutboxSender(store, Writer(store), lambda _: None)
    proxy.fate = fate()
    logged = {}
    for key in (f"a{tmp_path.name}", f"b{tmp_path.name}"):
        logged[key] = log_run(begin(sender, key, tmp_path.name), tmp_path, 12, pause=0.05)
    assert sender.wait(60) is None
    sender.stop()
    proxy.close()
    assert proxy.harmed > 0
    direct = Store(served.uri)
    for key, its in logged.items():
        assert_logged(direct, key, its, tmp_path)
    assert len(find_runs(direct, kind=tags.KIND_GROUP, definition=tmp_path.name)) == 1


def test_one_journal_that_the_store_refuses_leaves_the_others_alone(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person has put its run into the trash; restored, the rest is uploaded."""
    monkeypatch.chdir(tmp_path)
    store = Store(served.uri)
    sender = OutboxSender(store, Writer(store), lambda _: None)
    first = begin(sender, "a")
    assert sender.wait(30) is None
    assert first.journal.run_id is not None
    store.client.delete_run(first.journal.run_id)
    second = begin(sender, "b")
    logged = [log_run(logger, tmp_path, 3) for logger in (first, second)]
    left = sender.wait(3)
    assert left is not None
    assert list(left.runs) == ["a"]
    sender.stop()
    assert_logged(store, "b", logged[1], tmp_path)
    done = upload_pending(store, Writer(store))
    assert list(done.queued) == ["a"]
    assert str(journals_folder()) in done.queued["a"]
    store.client.restore_run(first.journal.run_id)
    assert upload_pending(store, Writer(store)).queued == {}
    assert_logged(store, "a", logged[0], tmp_path)


def test_journals_of_another_store_wait_for_it(served: Served, tmp_path: Path, empty_database: Path) -> None:
    store = Store()
    sender = OutboxSender(store, Writer(store), lambda _: None)
    served.kill()
    logged = log_run(begin(sender, "a"), tmp_path, 3)
    assert sender.wait(0.5) is not None
    sender.stop()
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    other = Store(f"sqlite:///{tmp_path}/mlflow.db")
    done = upload_pending(other, Writer(other))
    assert done.other_stores == {served.uri: 1}
    assert not has_pending(other.uri)
    served.start()
    assert upload_pending(store, Writer(store)).runs == {"a": "logged a"}
    assert_logged(store, "a", logged, tmp_path)


def test_a_journal_that_was_cut_off_anywhere_is_uploaded_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    """And uploaded again by another process from its beginning, as if no progress had reached the disk."""
    store = opened(tmp_path, empty_database, monkeypatch)
    sender = OutboxSender(store, Writer(store), lambda _: None)
    monkeypatch.setattr(sender, "_round", lambda: None)  # it uploads nothing
    logged = log_run(begin(sender, "a"), tmp_path, 6)
    sender.stop()
    (folder,) = journals_folder().iterdir()
    for length in (2, 5, 8, 0):
        copy = folder.with_name(f"{folder.name}-{length}")
        shutil.copytree(folder, copy)
        if length:
            with closing(sqlite3.connect(copy / "journal.db", isolation_level=None)) as database:
                database.execute("DELETE FROM entries WHERE number > ?", (length,))
        journal = Journal.take(copy)
        assert journal is not None
        entries = [one.entry for one in journal.entries() if isinstance(one.entry, Log)]
        journal.release()
        folder.rename(tmp_path / "away")
        assert upload_pending(store, Writer(store)).queued == {}
        (tmp_path / "away").rename(folder)
        (run,) = find_runs(store, run_key="a")
        epochs = [entry for entry in entries if "epochs/train_loss" in entry.metrics]
        assert len(histories(store, run).get("epochs/train_loss", [])) == len(epochs)
    assert_logged(store, "a", logged, tmp_path)
    assert os.listdir(journals_folder()) == [folder.name]


def test_a_journal_of_an_earlier_version_is_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    """Written at commit cabcc80 by its own code: ten lines and half of one, a NaN in each epoch, two kept files."""
    store = opened(tmp_path, empty_database, monkeypatch)
    folder = journals_folder() / "1"
    shutil.copytree(Path(__file__).parent / "journal_of_cabcc80", folder)
    old = folder / "entries.jsonl"
    old.write_text(old.read_text().replace("sqlite:////made/at/cabcc80.db", identity(store.uri)))
    assert finished_keys(store.uri) == {"a"}
    assert sorted(os.listdir(folder)) == ["files", "journal.db", "lock"]
    assert list(upload_pending(store, Writer(store)).sentences()) == ["Uploaded 10 queued entries of legacy a."]
    (run,) = find_runs(store, run_key="a")
    assert run.outcome == tags.FINISHED
    assert histories(store, run)["epochs/train_loss"] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert run.metrics["test/accuracy/last"] == 0.5
    assert store.client.get_run(run.run_id).data.params == {"seed": "0"}
    assert artifacts(store, run, tmp_path / "back") == {
        "checkpoint/weights.bin": b"weights" * 10,
        "definition.json": b'{\n  "kind": "legacy"\n}',
    }
    assert list(journals_folder().iterdir()) == []


def test_what_an_earlier_version_has_uploaded_is_not_uploaded_again(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    shutil.copytree(Path(__file__).parent / "journal_of_cabcc80", folder)
    progress = {"entries": 7, "bytes": 1, "run_id": "the id", "ended": False}
    (folder / "delivered.json").write_text(json.dumps(progress))
    journal = Journal.take(folder)
    assert journal is not None
    assert (journal.uploaded, journal.run_id, journal.waiting) == (7, "the id", 3)
    assert [one.number for one in journal.entries()] == [8, 9, 10]


def test_a_link_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    shutil.copytree(Path(__file__).parent / "journal_of_cabcc80", folder)
    lines = (folder / "entries.jsonl").read_text().splitlines(keepends=True)
    mention = {"n": 10, "do": "mention", "of": "other", "tag": "t", "note": "A note."}
    (folder / "entries.jsonl").write_text("".join(lines[:9]) + json.dumps(mention) + "\n")
    journal = Journal.take(folder)
    assert journal is not None
    assert journal.entries()[-1].entry == Link(of="other", tag="t", note="A note.")


def test_a_run_that_another_machine_has_resumed_is_left_to_it(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off from the store, this machine's run is finished on another; what only its journal has is discarded."""
    monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "here"))
    store = Store()
    here = OutboxSender(store, Writer(store), lambda _: None)
    logger = begin(here, "a")
    logger.log({"epochs/train_loss": 1.0}, 1)
    assert here.wait() is None
    monkeypatch.setattr(here, "_round", lambda: None)  # cut off
    for epoch in (2, 3):
        logger.log({"epochs/train_loss": 1 / epoch}, epoch)
    logger.close(tags.INTERRUPTED)
    here.stop()
    run_id = logger.journal.run_id
    assert run_id is not None
    monkeypatch.setattr("overthink.store.liveness.this_host", lambda: "elsewhere")
    writer = Writer(store)
    writer.resume(run_id)
    for epoch in (2, 3):
        writer.log(run_id, {"epochs/train_loss": 1 / epoch}, epoch)
    writer.close(run_id, tags.FINISHED)
    monkeypatch.undo()
    monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "here"))
    done = upload_pending(store, Writer(store))
    assert list(done.sentences()) == [
        "Another process has finished logged a since; what was queued here was discarded."
    ]
    (run,) = find_runs(store, run_key="a")
    assert (run.outcome, run.status) == (tags.FINISHED, "FINISHED")
    assert [step for step, _ in histories(store, run)["epochs/train_loss"]] == [1, 2, 3]
    assert list(journals_folder().iterdir()) == []


def test_only_the_newest_copy_of_a_file_stays_on_disk(served: Served, tmp_path: Path) -> None:
    store = Store()
    sender = OutboxSender(store, Writer(store), lambda _: None)
    logger, file = begin(sender, "a"), tmp_path / "checkpoint.safetensors"
    for number in range(4):
        (tmp_path / "new").write_bytes(bytes([number]) * 1000)
        os.replace(tmp_path / "new", file)
        logger.artifacts([file], "checkpoint")
        assert sender.wait() is None
    kept = list(logger.journal.folder.rglob("checkpoint.safetensors"))
    assert [path.read_bytes()[:1] for path in kept] == [b"\x03"]
    logger.close(tags.FINISHED)
    assert sender.wait() is None
    sender.stop()


def test_patience_ends_though_reasons_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    store = opened(tmp_path, empty_database, monkeypatch)
    sender = OutboxSender(store, Writer(store), lambda _: None)
    turn = count(1)

    def refuses(_: object) -> int:
        raise StoreError(f"request {next(turn)} refused")

    monkeypatch.setattr(sender._uploader, "upload", refuses)
    begin(sender, "a")
    started = time.monotonic()
    assert sender.wait(2.0) is not None
    assert time.monotonic() - started < 6
    assert next(turn) > 2
    sender.stop()


@pytest.mark.parametrize("name", ["OVERTHINK_PATIENCE", "OVERTHINK_CHECKPOINT_SECONDS"])
@pytest.mark.parametrize("value", ["1m", "nan", "inf", "-1"])
def test_an_invalid_setting_is_reported_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path, name: str, value: str
) -> None:
    store = opened(tmp_path, empty_database, monkeypatch)
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name}={value}: expected seconds"):
        launch_anew(store, [small(tmp_path)], Options(), Quiet())
    assert find_runs(store) == []
