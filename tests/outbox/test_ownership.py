"""A run that another process resumes while its own is cut off from the store: no finished attempt is ever lost."""

import threading
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from overthink.launching.sync import mark_abandoned_as_interrupted
from overthink.outbox.handles import id_of
from overthink.outbox.journal import Journal
from overthink.outbox.pending import UploadSummary, finished_keys, has_pending, upload_pending
from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.outbox.uploader import Uploader
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.group_spec import GroupSpec
from overthink.store.liveness import NO_PROCESS
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.uri import journals_folder
from overthink.store.writer import Writer
from support.machines import machine

GROUP = GroupSpec("e", "A note.", {}, "e: base", ("0",), {tags.GROUP_KEY: "g", tags.DEFINITION: "e"}, {})
RUN_TAGS = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "a", tags.SEEDS: "0", **GROUP.tags}


class Process:
    """Logs a run as a launch does, and is cut off from its store at will."""

    def __init__(
        self, store: Store, stored: StoredRun | None = None, forced: bool = False, unreachable: bool = False
    ) -> None:
        self.messages: list[str] = []
        self.sender = OutboxSender(store, Writer(store), self.messages.append)
        if unreachable:
            self.cut_off()
        before = (stored.run_id, stored.process) if stored else (None, NO_PROCESS)
        run_tags = RUN_TAGS | ({tags.FORCED: "true"} if forced else {})
        self.again = stored is not None
        self.logger = self.sender.begin(RunStart(GROUP, "a", "e: base seed 0", run_tags, {"seed": "0"}, *before))
        if not self.again:
            self.logger.text(tags.DEFINITION_FILE, "{}")
            self.logger.log(run_tags={tags.PARENT_RUN: "p"})

    def epochs(self, first: int, last: int, by: str) -> None:
        for epoch in range(first, last + 1):
            marker = "epochs/train_loss" if self.again else None
            self.logger.log({"epochs/train_loss": 1 / epoch, f"by/{by}": epoch}, epoch, unless_there=marker)

    def finish(self, folder: Path) -> None:
        (folder / "checkpoint").write_text("weights")
        self.logger.artifacts([folder / "checkpoint"], "checkpoint")
        self.logger.log({"test/accuracy/last": 0.5}, 9)
        self.logger.close(tags.FINISHED)
        (folder / "a").mkdir()
        self.logger.keep_folder(folder / "a")

    def uploaded(self) -> "Process":
        assert self.sender.wait(30) is None
        return self

    def cut_off(self) -> "Process":
        begun_rounds_have_ended = threading.Event()
        self.sender._round = begun_rounds_have_ended.set  # type: ignore[method-assign]
        self.sender._heartbeat = lambda: None  # type: ignore[method-assign]
        if self.sender._thread is not None:
            self.sender._wake(urgent=True)
            assert begun_rounds_have_ended.wait(30)
        return self

    def killed(self) -> None:
        """End without closing anything, as a killed process does."""
        self.sender.stop()
        if self.sender._thread is not None:
            self.sender._thread.join(60)  # on a busy machine it takes longer than a command waits


def the_run(store: Store) -> StoredRun:
    (run,) = find_runs(store, run_key="a")
    return run


def synced(store: Store) -> UploadSummary:
    return upload_pending(store, Writer(store))


def steps(store: Store, run: StoredRun, metric: str = "epochs/train_loss") -> list[int]:
    return [entry.step for entry in store.client.get_metric_history(run.run_id, metric)]


def assert_all_of_a_finished_attempt_is_there(store: Store, by: str, folder: Path) -> StoredRun:
    """The run that counts holds every epoch once, all of one process, the parameters, the tags and the files."""
    run = newest_per_key(find_runs(store, run_key="a"))["a"]
    assert run.outcome == tags.FINISHED
    assert steps(store, run) == steps(store, run, f"by/{by}") == list(range(1, 10))
    assert [name for name in run.metrics if name.startswith("by/")] == [f"by/{by}"]
    data = store.client.get_run(run.run_id).data
    assert data.params == {"seed": "0"}
    assert data.tags[tags.PARENT_RUN] == "p"
    assert store.text(run.run_id, tags.DEFINITION_FILE) == "{}"
    assert store.artifact(run.run_id, "checkpoint/checkpoint", folder).read_text() == "weights"
    return run


CLOCKS = [0.0, 1200.0, -1200.0]


@pytest.mark.parametrize("clock, alive", [*product(CLOCKS, [True, False])])
def test_a_finished_run_wins_over_one_that_another_process_has_resumed(
    store: Store, tmp_path: Path, clock: float, alive: bool
) -> None:
    """Machine B, whose clock differs, takes A's run up while A is cut off, and dies at epoch 8 or still trains."""
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 3, "A")
        first.uploaded().cut_off()
        first.epochs(4, 9, "A")
    with machine("B", tmp_path, clock):
        second = Process(store, the_run(store))
        second.epochs(1, 8, "B")
        second.uploaded()
        if not alive:
            second.killed()
            Writer(store).close(the_run(store).run_id, tags.INTERRUPTED)
    with machine("A", tmp_path):
        first.finish(tmp_path)
        del first.sender._round, first.sender._heartbeat
        assert first.sender.wait(30) is None
        first.killed()
        assert list(journals_folder().iterdir()) == []
        assert not (tmp_path / "a").exists()
    run = assert_all_of_a_finished_attempt_is_there(store, "A", tmp_path)
    other = next(other for other in find_runs(store, run_key="a") if other.run_id != run.run_id)
    assert other.replaced_by == run.run_id
    assert clock < 0 or other.outcome == (tags.RUNNING if alive else tags.INTERRUPTED)  # else it looks abandoned
    if alive:  # it ends, too, and what it logged is discarded
        with machine("B", tmp_path, clock):
            second.epochs(9, 9, "B")
            second.logger.close(tags.FINISHED)
            assert second.sender.wait(30) is None
            second.killed()
            assert "another process has finished run a; what this one logs is discarded" in second.messages
    assert_all_of_a_finished_attempt_is_there(store, "A", tmp_path)
    assert sorted(run.outcome for run in find_runs(store, run_key="a")) == [tags.FINISHED, tags.INTERRUPTED]


def test_sync_uploads_the_only_finished_attempt(store: Store, tmp_path: Path) -> None:
    """On one machine: A ends undelivered, a second working directory takes the run up and is killed; then A's sync."""
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 3, "A")
        first.uploaded().cut_off()
        first.epochs(4, 9, "A")
        first.finish(tmp_path)
        first.killed()
        (journal,) = journals_folder().iterdir()
        assert (journal / "run" / "a").is_dir()
    with machine("B", tmp_path):
        second = Process(store, the_run(store))
        second.epochs(1, 8, "B")
        second.uploaded().killed()
    with machine("A", tmp_path):
        assert finished_keys(store.uri) == {"a"}
        done = synced(store)
        assert list(done.runs) == ["a"]
        assert not done.queued
        assert not has_pending(store.uri)
    assert_all_of_a_finished_attempt_is_there(store, "A", tmp_path)
    with machine("B", tmp_path):  # all that it left is uploaded already, or discarded
        synced(store)
        assert not has_pending(store.uri)
    assert_all_of_a_finished_attempt_is_there(store, "A", tmp_path)


@pytest.mark.parametrize("point", range(6))
def test_a_crash_while_the_finished_attempt_is_uploaded_costs_nothing(store: Store, tmp_path: Path, point: int) -> None:
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 3, "A")
        first.uploaded().cut_off()
        first.epochs(4, 9, "A")
        first.finish(tmp_path)
        first.killed()
    with machine("B", tmp_path):
        second = Process(store, the_run(store))
        second.epochs(1, 8, "B")
        second.uploaded().killed()
    with machine("A", tmp_path), pytest.MonkeyPatch.context() as patch:
        fail_at_mark(patch, point)
        with pytest.raises(KeyboardInterrupt):
            synced(store)
    with machine("A", tmp_path):
        assert synced(store).queued == {}
        assert not has_pending(store.uri)
    assert_all_of_a_finished_attempt_is_there(store, "A", tmp_path)
    assert len(find_runs(store, run_key="a")) == 2


def fail_at_mark(patch: pytest.MonkeyPatch, point: int) -> None:
    """End the process just before the journal remembers what was sent, the given number of times later."""
    seen = iter(range(point))
    mark: Callable[..., None] = Journal.mark_uploaded

    def marked(self: Journal, last: object) -> None:
        if next(seen, None) is None:
            raise KeyboardInterrupt
        mark(self, last)

    patch.setattr(Journal, "mark_uploaded", marked)


def test_what_an_unfinished_attempt_has_left_is_kept_until_the_run_is_finished(store: Store, tmp_path: Path) -> None:
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 3, "A")
        first.uploaded().cut_off()
        first.epochs(4, 6, "A")
        first.killed()
    with machine("B", tmp_path):
        second = Process(store, the_run(store))
        second.epochs(1, 4, "B")
        second.uploaded()
    with machine("A", tmp_path):
        done = synced(store)
        assert "another process has resumed this run" in done.queued["a"]
        assert has_pending(store.uri)
        assert finished_keys(store.uri) == set()  # so it keeps no process from resuming the run
    with machine("B", tmp_path):
        second.epochs(5, 9, "B")
        second.finish(tmp_path)
        second.uploaded().killed()
    with machine("A", tmp_path):
        assert list(synced(store).sentences()) == [
            "Another process has finished e: base seed 0 since; what was queued here was discarded."
        ]
        assert not has_pending(store.uri)
    assert steps(store, the_run(store)) == list(range(1, 10))


def test_a_run_that_is_resumed_in_turn_is_resumed_by_whoever_comes_last(store: Store, tmp_path: Path) -> None:
    """A, B and C resume one run; the one in between was cut off before the store had seen it."""
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 3, "A")
        first.uploaded().killed()
    with machine("B", tmp_path):
        second = Process(store, the_run(store), unreachable=True)
        second.epochs(1, 9, "B")
        second.finish(tmp_path)
        second.killed()
    with machine("C", tmp_path, clock=-3000.0):
        third = Process(store, the_run(store))
        third.epochs(1, 5, "C")
        third.uploaded().killed()
    with machine("B", tmp_path):
        assert synced(store).queued == {}
    assert_all_of_a_finished_attempt_is_there(store, "B", tmp_path)
    with machine("C", tmp_path):
        synced(store)
        assert not has_pending(store.uri)


def test_a_run_that_was_finished_just_before_it_is_resumed_stays_finished(store: Store, tmp_path: Path) -> None:
    """C has found B's run abandoned; before it resumes it, B reaches the store again, with all that was left."""
    with machine("B", tmp_path):
        first = Process(store)
        first.epochs(1, 3, "B")
        first.uploaded()
        as_c_found_it = the_run(store)
        first.epochs(4, 9, "B")
        first.finish(tmp_path)
        first.uploaded().killed()
    with machine("C", tmp_path):
        late = Process(store, as_c_found_it)
        late.epochs(1, 5, "C")
        late.uploaded().killed()
        assert late.messages == ["another process has finished run a; what this one logs is discarded"]
    assert_all_of_a_finished_attempt_is_there(store, "B", tmp_path)


def test_what_is_logged_while_a_run_is_discarded_is_discarded_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 3, "A")
        first.uploaded().cut_off()
    with machine("B", tmp_path):
        second = Process(store, the_run(store))
        second.epochs(1, 9, "B")
        second.finish(tmp_path)
        second.uploaded().killed()
    discard = Uploader._discard

    def trains_on(uploader: Uploader, journal: Journal) -> None:
        discard(uploader, journal)
        first.epochs(5, 5, "late")

    with machine("A", tmp_path):
        first.epochs(4, 4, "A")
        with monkeypatch.context() as patch:
            patch.setattr(Uploader, "_discard", trains_on)
            first.sender._uploader.upload(first.logger.journal)
        del first.sender._round, first.sender._heartbeat
        first.uploaded().killed()
    assert "by/late" not in the_run(store).metrics


def test_a_forced_run_is_not_discarded_because_of_the_one_that_it_repeats(store: Store, tmp_path: Path) -> None:
    with machine("A", tmp_path):
        whole = Process(store)
        whole.epochs(1, 9, "old")
        whole.finish(tmp_path)
        whole.uploaded().killed()
        again = Process(store, forced=True)
        again.epochs(1, 2, "A")
        again.uploaded().cut_off()
        again.epochs(3, 9, "A")
    with machine("B", tmp_path):
        Process(store, find_runs(store, run_key="a")[0], forced=True).uploaded().killed()
    with machine("A", tmp_path):
        again.finish(tmp_path)
        again.killed()
        assert synced(store).discarded == []
        assert not has_pending(store.uri)
    assert_all_of_a_finished_attempt_is_there(store, "A", tmp_path)


def test_links_lead_to_the_run_that_counts(store: Store, tmp_path: Path) -> None:
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 2, "A")
        first.uploaded().cut_off()
        first.epochs(3, 9, "A")
        first.finish(tmp_path)
        begun = the_run(store).run_id
    with machine("B", tmp_path):
        Process(store, the_run(store)).uploaded().killed()
    with machine("A", tmp_path):
        first.killed()
        synced(store)
        counts = newest_per_key(find_runs(store, run_key="a"))["a"].run_id
        for handle in (begun, first.logger.handle):
            policy = OutboxSender(store, Writer(store), print)
            logger = policy.begin(RunStart(GROUP, f"p{handle}", "policy", {tags.KIND: tags.KIND_RUN}, {}))
            logger.log(run_tags={tags.MAIN_RUN: id_of(handle), tags.MAIN_KEY: "a"})
            assert policy.wait(30) is None
            policy.stop()
            assert logger.run_id is not None
            assert store.client.get_run(logger.run_id).data.tags[tags.MAIN_RUN] == counts


def test_a_process_does_not_renew_the_heartbeat_of_a_run_that_is_no_longer_its_own(
    store: Store, tmp_path: Path
) -> None:
    with machine("A", tmp_path):
        first = Process(store).uploaded()
    with machine("B", tmp_path, clock=-5000):
        Process(store, the_run(store)).uploaded().killed()
    beat = the_run(store).process.heartbeat
    with machine("A", tmp_path):
        first.sender._last_heartbeat = time.monotonic() - 1000
        first.sender._wake(urgent=True)
        time.sleep(1)
        first.killed()
    assert the_run(store).process.heartbeat == beat


def test_a_lost_file_does_not_block_a_run(store: Store, tmp_path: Path) -> None:
    """The run's journal is moved out of the way, and its folder is where the next process resumes from."""
    with machine("A", tmp_path):
        first = Process(store).cut_off()
        first.epochs(1, 9, "A")
        first.finish(tmp_path)
        first.killed()
        (lost,) = journals_folder().rglob("checkpoint")
        lost.unlink()
        (damaged,) = synced(store).damaged
        assert damaged == tmp_path / "A" / "damaged" / damaged.name
        assert (tmp_path / "A" / "runs" / "a").is_dir()
        assert (finished_keys(store.uri), has_pending(store.uri)) == (set(), False)
        assert synced(store) == UploadSummary()


@pytest.mark.parametrize("forced", [False, True])
def test_what_is_queued_of_a_deleted_run_goes_once_another_one_is_finished(
    store: Store, tmp_path: Path, forced: bool
) -> None:
    """A person has deleted the run in MLflow, and trains it again with --force."""
    with machine("A", tmp_path):
        first = Process(store, forced=forced).uploaded().cut_off()
        store.client.delete_run(the_run(store).run_id)
        first.epochs(1, 9, "A")
        first.finish(tmp_path)
        first.killed()
        assert list(synced(store).queued) == ["a"]  # it may be restored
        again = Process(store, forced=forced)
        again.epochs(1, 9, "again")
        again.finish(tmp_path / "A")
        again.uploaded().killed()
        assert synced(store).discarded == ["e: base seed 0"]
        assert not has_pending(store.uri)
    assert_all_of_a_finished_attempt_is_there(store, "again", tmp_path)


def test_a_run_that_was_taken_for_abandoned_is_running_again_when_its_process_is_back(
    store: Store, tmp_path: Path
) -> None:
    with machine("A", tmp_path):
        first = Process(store).uploaded().cut_off()
    with machine("B", tmp_path, clock=3600):
        assert mark_abandoned_as_interrupted(store, Writer(store)) == 2  # and its group
    assert the_run(store).outcome == tags.INTERRUPTED
    with machine("A", tmp_path):
        first.sender._last_heartbeat = time.monotonic() - 1000
        OutboxSender._heartbeat(first.sender)
        assert the_run(store).outcome == tags.RUNNING
        first.killed()


@pytest.mark.parametrize("first", ["A", "B"])
def test_of_two_finished_runs_of_a_key_the_first_counts(store: Store, tmp_path: Path, first: str) -> None:
    """A process that was stopped for longer than its claim counts trains a run that another one has trained since."""
    processes = {}
    for name in ("A", "B"):
        with machine(name, tmp_path):
            processes[name] = Process(store)
            processes[name].epochs(1, 9, name)
            processes[name].sender.wait(30)
    for name in (first, "AB".replace(first, "")):
        with machine(name, tmp_path):
            (tmp_path / name).mkdir(exist_ok=True)
            processes[name].finish(tmp_path / name)
            processes[name].uploaded().killed()
            assert list(journals_folder().iterdir()) == []
    runs = find_runs(store, run_key="a")
    (counting,) = [run for run in runs if not run.replaced_by]
    assert [run.replaced_by for run in runs if run.replaced_by] == [counting.run_id]
    assert newest_per_key(runs)["a"] == counting
    assert assert_all_of_a_finished_attempt_is_there(store, first, tmp_path) == counting


def test_an_upload_that_stands_still_while_another_process_finishes_adds_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is stopped, or whose machine sleeps, goes on in the middle of its upload."""
    monkeypatch.setattr("overthink.outbox.uploader.LOOK_AGAIN_SECONDS", 0.0)
    with machine("A", tmp_path):
        first = Process(store)
        first.epochs(1, 9, "A")
        first.uploaded().cut_off().finish(tmp_path)
        first.killed()
    send = Uploader._send
    others: list[Process] = []

    def stands_still(uploader: Uploader, *given: Any) -> None:
        if not others:
            with machine("B", tmp_path, clock=1200):
                others.append(Process(store, the_run(store)))
                others[0].epochs(1, 9, "B")
                (tmp_path / "b").mkdir()
                others[0].finish(tmp_path / "b")
                others[0].uploaded().killed()
        send(uploader, *given)

    with machine("A", tmp_path):
        monkeypatch.setattr(Uploader, "_send", stands_still)
        synced(store)
        monkeypatch.setattr(Uploader, "_send", send)
        synced(store)
        assert list(journals_folder().iterdir()) == []
    assert steps(store, the_run(store), "test/accuracy/last") == [9]
    assert the_run(store).process.process.endswith("@B")
