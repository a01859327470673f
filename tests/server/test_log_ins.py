"""The counts of wrong passwords: shared by a server's processes, for a minute, and without the passwords."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from overthink_server.log_ins import SECONDS, WRONG_FOR_A_NAME, WRONG_FROM_AN_ADDRESS, LogIns

ANN = ("192.0.2.1", "ann", "a password of ann's")
GUESS = ("192.0.2.1", "ann", "guess")


def processes(folder: Path) -> tuple[LogIns, LogIns]:
    """Two processes of one server, each with what it has of its own."""
    return LogIns(folder / "log-ins.db", b"key"), LogIns(folder / "log-ins.db", b"key")


def guess(process: LogIns) -> None:
    """Send as many wrong passwords for ann as are checked."""
    for _ in range(WRONG_FOR_A_NAME):
        assert send(process, *GUESS)


def send(process: LogIns, address: str, name: str, password: str) -> bool:
    """Send a password and have it checked; return whether it was."""
    if not process.admits(address, name, password):
        return False
    (process.was_right if password == ANN[2] else process.was_wrong)(name, password)
    return True


def test_who_logged_in_at_one_process_is_let_in_at_the_other(tmp_path: Path) -> None:
    one, other = processes(tmp_path)
    assert send(one, *ANN)
    guess(other)
    assert other.admits(*ANN)
    assert one.admits(*ANN)
    assert not one.admits(*GUESS)


def test_guesses_are_counted_together(tmp_path: Path) -> None:
    one, other = processes(tmp_path)
    for number in range(WRONG_FOR_A_NAME):
        assert send((one, other)[number % 2], *GUESS)
    assert not one.admits(*GUESS)
    assert not other.admits(*GUESS)
    assert one.admits("192.0.2.2", "ann", "guess")
    assert one.admits("192.0.2.1", "bob", "guess")


def test_guesses_of_one_moment_are_counted_one_by_one(tmp_path: Path) -> None:
    """The check of a password takes a tenth of a second, in which others come: fifty at once were all checked."""
    at_once = processes(tmp_path)
    admitted = [at_once[number % 2].admits("192.0.2.1", "ann", f"guess {number}") for number in range(50)]
    assert sum(admitted) == WRONG_FOR_A_NAME
    with ThreadPoolExecutor(8) as threads:
        admitted = list(threads.map(lambda number: at_once[number % 2].admits("192.0.2.2", "bob", "x"), range(50)))
    assert sum(admitted) == WRONG_FOR_A_NAME


def test_right_passwords_of_one_moment_do_not_count(tmp_path: Path) -> None:
    one, other = processes(tmp_path)
    for _ in range(WRONG_FOR_A_NAME - 1):
        assert one.admits(*ANN)
    other.was_right(*ANN[1:])
    guess(one)


def test_many_names_of_one_address(tmp_path: Path) -> None:
    one, other = processes(tmp_path)
    for number in range(WRONG_FROM_AN_ADDRESS):
        assert send(one, "192.0.2.1", f"name {number}", "guess")
    assert not other.admits("192.0.2.1", "another name", "guess")


def test_after_a_minute_all_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = processes(tmp_path)
    guess(one)
    later = time.monotonic() + SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert one.admits(*GUESS)


@pytest.mark.parametrize("clock", ["time", "monotonic"])
def test_a_clock_that_is_set_back_and_a_restarted_machine_keep_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """The clock that counts begins anew with the machine; the file may be older."""
    with monkeypatch.context() as patch:
        ahead = getattr(time, clock)() + 3600
        patch.setattr(time, clock, lambda: ahead)
        one, _ = processes(tmp_path)
        guess(one)
    later = time.monotonic() + SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert one.admits(*GUESS)
    assert one.admits(*GUESS)


def test_a_password_that_was_changed_is_limited_again(tmp_path: Path) -> None:
    one, other = processes(tmp_path)
    assert send(one, *ANN)
    other.was_wrong(*ANN[1:])  # from now on
    for _ in range(WRONG_FOR_A_NAME):
        assert other.admits(*ANN)
    assert not one.admits(*ANN)


def test_the_file_is_its_owner_s_and_holds_no_password(tmp_path: Path) -> None:
    one, _ = processes(tmp_path)
    send(one, *ANN)
    send(one, *GUESS)
    file = tmp_path / "log-ins.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    assert b"password" not in content
    assert b"guess" not in content


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log-ins.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="log-ins"):
        processes(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
