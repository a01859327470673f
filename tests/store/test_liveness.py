"""Is a process alive? Machines of one name, copies of disks, reboots, and clocks that are wrong."""

import os
import time
from pathlib import Path

import pytest

from overthink.launching import sync
from overthink.launching.plan import plan
from overthink.launching.sync import mark_abandoned_as_interrupted
from overthink.store import liveness, tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.liveness import ABANDONED_SECONDS, RunProcess, alive_tags, is_gone, is_this
from overthink.store.reader import run_of
from overthink.store.writer import Writer
from support.small import small


class System:
    """What tells machines apart, as files that tests can write."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch
        self.be("same-name", "machine", "boot", "state")

    def be(self, name: str, machine: str, boot: str, state: str, namespace: str = "pid:[4026531836]") -> None:
        self._patch.setattr("socket.gethostname", lambda: name)
        self._patch.setenv("OVERTHINK_STATE", str(self.folder / state))
        for file, text in (("MACHINE_ID", machine), ("BOOT_ID", boot)):
            (self.folder / file).write_text(f"{text}\n")
            self._patch.setattr(liveness, file, self.folder / file)
        link = self.folder / "NAMESPACE"
        link.unlink(missing_ok=True)
        link.symlink_to(namespace)
        self._patch.setattr(liveness, "PID_NAMESPACE", link)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    return System(tmp_path, monkeypatch)


def process(changes: dict[str, str] | None = None, silent_seconds: float = 0) -> RunProcess:
    beat = {tags.HEARTBEAT: f"{time.time() - silent_seconds:.0f}"}
    return RunProcess.of({**alive_tags(), **beat, **(changes or {})})


def test_machines_of_one_name_do_not_take_each_others_runs_for_dead(system: System) -> None:
    """Outside containers every machine has the same namespace of processes."""
    theirs = process({tags.PROCESS: "4194999@1"})
    for other in (("machine", "boot-2", "state 2"), ("machine 2", "boot-2", "state"), ("machine 2", "boot-2", "s 2")):
        system.be("same-name", *other)
        assert not is_gone(theirs)
        assert is_gone(theirs._replace(heartbeat=int(time.time() - 2 * ABANDONED_SECONDS)))


def test_processes_of_one_system_are_asked_whatever_their_state_folders(system: System) -> None:
    alive, dead = process(), process({tags.PROCESS: "4194999@1"})
    system.be("same-name", "machine", "boot", "state 2")
    assert (is_gone(alive), is_gone(dead), is_this(alive)) == (False, True, True)
    system.be("same-name", "machine", "boot", "state", "pid:[7]")  # a container: it does not see the processes
    assert (is_gone(alive), is_gone(dead), is_this(alive)) == (False, False, False)


def test_after_a_reboot_runs_of_this_folder_are_resumed_at_once(system: System) -> None:
    before = process()
    system.be("same-name", "machine", "boot-2", "state")
    assert is_gone(before)


def test_a_machine_without_an_id_is_told_apart_by_its_state_folder(
    system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(liveness, "MACHINE_ID", tmp_path / "missing")
    before = process()
    monkeypatch.setattr(liveness, "BOOT_ID", tmp_path / "missing")
    assert is_gone(before)
    monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "state 2"))
    assert not is_gone(before)


def test_the_machines_id_is_not_shown(system: System) -> None:
    system.be("name with  spaces", "secret-id", "boot", "state")
    host = alive_tags()[tags.HOST]
    assert "secret-id" not in host
    assert len(host.split(" ")) == 4


def test_a_clock_that_is_set_does_not_end_a_process(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = process()
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 86400)
    assert not is_gone(alive)


def test_a_process_of_another_number_or_start_is_another_one(system: System) -> None:
    start = alive_tags()[tags.PROCESS].partition("@")[2]
    assert not is_gone(process())
    large = (f"{10**25}@{start}", f"{10**18 - 1}@1", f"{10**10}@1")
    for name in (f"{os.getpid()}@1", f"1@{start}", *large, "x@1", "", "@", "²@1"):
        assert is_gone(process({tags.PROCESS: name})), name


@pytest.mark.parametrize("host", ["name", "name pid:[4026531836]"])
def test_tags_of_earlier_versions_are_read(system: System, host: str) -> None:
    assert not is_gone(process({tags.HOST: host, tags.PROCESS: f"{os.getpid()}@12.5"}))
    assert is_gone(process({tags.HOST: host, tags.PROCESS: f"{os.getpid()}@12.5"}, 2 * ABANDONED_SECONDS))


def test_a_heartbeat_from_the_future_does_not_keep_a_run_for_ever(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine died with a fast clock, or somebody has set the tag: --force helps at once, and time does."""
    loaded, writer = small(tmp_path, seeds=1), Writer(store)
    key = loaded.groups[0].runs[0].key
    left = {tags.HOST: "elsewhere", tags.PROCESS: "1@1", tags.HEARTBEAT: f"{time.time() + 10**8:.0f}"}
    own = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: key, tags.GROUP_KEY: loaded.groups[0].definition.key}
    run_id = writer.create(store.experiment("small", "A note."), "left", own, {}, alive=left)

    def action(force: bool = False) -> str:
        return plan(store, [loaded], force, dry=True)[0].action

    assert mark_abandoned_as_interrupted(store, writer, force=True) == 0
    assert (action(), action(force=True)) == ("busy", "train")
    assert mark_abandoned_as_interrupted(store, writer) == 0
    assert action(force=True) == "busy"  # it may be alive: its heartbeat is of this moment
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 2 * ABANDONED_SECONDS)
    assert action() == "resume"
    assert mark_abandoned_as_interrupted(store, writer) == 1
    assert [run.run_id for run in find_runs(store, run_key=key)] == [run_id]


def test_a_run_whose_process_was_killed_while_it_resumed_it_is_interrupted(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(store)
    own = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "a"}
    left = {tags.HOST: "elsewhere", tags.PROCESS: "1@1", tags.HEARTBEAT: f"{time.time() - 2 * ABANDONED_SECONDS:.0f}"}
    run_id = writer.create(store.experiment("small", "A note."), "left", own, {}, alive=left)
    writer.close(run_id, tags.INTERRUPTED)
    monkeypatch.setattr(store.client, "update_run", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        writer.resume(run_id, left)
    assert run_of(store, run_id).outcome == tags.RUNNING
    assert mark_abandoned_as_interrupted(store, writer) == 1
    assert run_of(store, run_id).outcome == tags.INTERRUPTED
    assert mark_abandoned_as_interrupted(store, writer) == 0


def test_an_abandoned_run_that_cannot_be_closed_stops_no_command(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes it at that moment, or it is in an experiment that this account may only read."""
    writer, experiment = Writer(store), store.experiment("small", "A note.")
    left = {tags.HOST: "elsewhere", tags.PROCESS: "1@1", tags.HEARTBEAT: f"{time.time() - 2 * ABANDONED_SECONDS:.0f}"}
    run_ids = [writer.create(experiment, name, {tags.KIND: tags.KIND_RUN}, {}, alive=left) for name in "ab"]
    found = list(store.search("attributes.status = 'RUNNING'"))
    monkeypatch.setattr(store, "search", lambda conditions: found if conditions == sync._RUNNING else [])
    store.client.delete_run(found[0].run_id)
    mark_abandoned_as_interrupted(store, writer)
    outcomes = {run_id: run_of(store, run_id).outcome for run_id in run_ids}
    assert outcomes == {found[0].run_id: tags.RUNNING, found[1].run_id: tags.INTERRUPTED}


@pytest.mark.parametrize("left", [b"", b"\xff\xfe"])
def test_a_state_folder_that_a_kill_left_without_its_number_gets_one(system: System, left: bytes) -> None:
    file = system.folder / "state" / liveness.STATE_ID
    file.parent.mkdir()
    file.write_bytes(left)
    before = alive_tags()[tags.HOST]
    assert len(file.read_text()) == 32
    assert alive_tags()[tags.HOST] == before
    assert [path.name for path in file.parent.iterdir()] == [liveness.STATE_ID]


@pytest.mark.parametrize("refused", [PermissionError(1, "no links here"), FileExistsError(17, "a moment ago"), None])
def test_the_number_of_a_state_folder_is_there_whole_or_not_at_all(
    system: System, monkeypatch: pytest.MonkeyPatch, refused: OSError | None
) -> None:
    file, link = system.folder / "state" / liveness.STATE_ID, os.link

    def watched(source: Path, target: Path) -> None:
        assert not file.exists()
        if isinstance(refused, FileExistsError):
            target.write_text("theirs")
        if refused is not None:
            raise refused
        link(source, target)

    monkeypatch.setattr(os, "link", watched)
    alive_tags()
    assert (file.read_text() == "theirs") == isinstance(refused, FileExistsError)
    assert [path.name for path in file.parent.iterdir()] == [liveness.STATE_ID]
