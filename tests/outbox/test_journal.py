import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from overthink.outbox.journal import Journal, first_entry


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal.create(tmp_path / "journals" / "one")
    for number in range(1, 4):
        made.append("log", value=number)
    return made


def again(journal: Journal) -> Journal:
    """The journal as the next process finds it."""
    journal.release()
    taken = Journal.take(journal.folder)
    assert taken is not None
    return taken


def values(journal: Journal) -> list[int]:
    return [entry.body["value"] for entry in journal.entries()]


def test_entries_come_back_in_order_and_only_until_they_are_acknowledged(journal: Journal) -> None:
    assert values(journal) == [1, 2, 3]
    journal.run_id = "the id"
    journal.acknowledge(journal.entries()[1])
    assert (values(journal), journal.waiting) == ([3], 1)
    later = again(journal)
    assert (values(later), later.waiting, later.run_id) == ([3], 1, "the id")


@pytest.mark.parametrize("torn", [b'{"n": 4, "do": "lo', b"\x00\x00\x00\x00", b"\x00\x00\n"])
def test_a_line_that_was_cut_off_while_it_was_written_is_not_there(journal: Journal, torn: bytes) -> None:
    with (journal.folder / "entries.jsonl").open("ab") as file:
        file.write(torn)
    assert values(again(journal)) == [1, 2, 3]


def test_every_cut_leaves_the_whole_lines_before_it(journal: Journal) -> None:
    path = journal.folder / "entries.jsonl"
    whole = path.read_bytes()
    journal.release()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        taken = Journal.take(journal.folder)
        assert taken is not None
        assert values(taken) == [1, 2, 3][: whole[:length].count(b"\n")]
        assert (first_entry(journal.folder) is None) == (b"\n" not in whole[:length])
        taken.release()


def test_damage_in_the_middle_is_named(journal: Journal) -> None:
    path = journal.folder / "entries.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"value": 2', b'"value": x'))
    with pytest.raises(ValueError, match=r"entries.jsonl: entry 2 is damaged"):
        again(journal).entries()


def test_a_forgotten_acknowledgement_only_costs_telling_it_again(journal: Journal) -> None:
    journal.acknowledge(journal.entries()[2])
    for damage in ("", "{", "[]"):
        (journal.folder / "delivered.json").write_text(damage)
        journal = again(journal)
        assert values(journal) == [1, 2, 3]


def test_one_process_at_a_time(journal: Journal) -> None:
    assert Journal.take(journal.folder) is None
    script = "import sys; from pathlib import Path; from overthink.outbox.journal import Journal; "
    script += "print(Journal.take(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(journal.folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"


def test_one_that_another_process_has_just_delivered_is_gone(journal: Journal) -> None:
    """The lock would make a folder of its name again."""
    journal.remove()
    assert Journal.take(journal.folder) is None
    assert not journal.folder.exists()


def test_a_kept_file_stays_as_it_was_when_another_takes_its_place(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("old")
    kept = journal.keep(tmp_path / "checkpoint")
    journal.append("files", files=[kept])
    (tmp_path / "new").write_text("new")
    os.replace(tmp_path / "new", tmp_path / "checkpoint")
    assert journal.file(kept).read_text() == "old"
    assert journal.keep(tmp_path / "checkpoint") != kept
    journal.remove()
    assert not journal.folder.exists()
    assert (tmp_path / "checkpoint").read_text() == "new"


def test_a_full_disk_is_said_and_leaves_no_half_entry(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the operating system refuses the write either way."""
    script = (
        "import resource, signal, sys; from pathlib import Path; from overthink.outbox.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal.create(Path(sys.argv[1]))\n"
        "journal.append('log', value=1)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))\n"
        "try: journal.append('log', value='x' * 200)\n"
        "except OSError as error: print(error.errno)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "journal.append('log', value=2)\n"
    )
    folder = tmp_path / "full"
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    assert int(done.stdout) in (27, 28)
    taken = Journal.take(folder)
    assert taken is not None
    assert values(taken) == [1, 2]
    lines = (folder / "entries.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == [1, 2]
