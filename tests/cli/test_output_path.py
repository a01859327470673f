"""What cannot be written is said before the work, in one sentence."""

import errno
import io
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from overthink.cli.commands import data
from overthink.cli.commands.analyse import analyse
from overthink.cli.commands.grad_cam import grad_cam
from overthink.cli.commands.report import report
from overthink.cli.exit_codes import exit_code_for
from overthink.cli.output_path import check_file, check_folder, check_picture, write_file

COMMANDS: dict[str, Callable[[Path], object]] = {
    "report": lambda path: report(["mine"], path),
    "data show": lambda path: data.show("cifar-100", path, Path("nowhere")),
    "grad-cam": lambda path: grad_cam("abcdef", output=path),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_check_before_they_work(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is neither a run nor data here: a command that looked for them first would say that."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"^--output away/a\.png: folder away does not exist$"):
        COMMANDS[command](Path("away/a.png"))
    with pytest.raises(ValueError, match=f"^--output {re.escape(str(tmp_path))}: is a folder"):
        COMMANDS[command](tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    with pytest.raises(ValueError, match=r"^--export file/deep/down: .*file is not a folder$"):
        analyse(["mine"], Path("file/deep/down"))
    check_folder("--export", Path("new/and/deep"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_picture_needs_an_ending(tmp_path: Path) -> None:
    check_picture("--output", tmp_path / "a.PNG")
    for name in ("a", "a.xyz"):
        with pytest.raises(ValueError, match="no writable image format"):
            check_picture("--output", tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_is_not_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for check in (check_file, check_folder):
        with pytest.raises(ValueError, match="no permission to write"):
            check("-o", tmp_path / "a")


def test_what_is_written_is_whole_or_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, link = tmp_path / "page.html", tmp_path / "link.html"
    page.write_text("before")
    link.symlink_to(page.name)
    page.chmod(0o640)
    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", _full_disk)
        with pytest.raises(OSError, match="No space"):
            write_file(link, b"after")
    assert page.read_text() == "before"
    write_file(link, b"after")
    assert (page.read_text(), link.is_symlink(), page.stat().st_mode & 0o777) == ("after", True, 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "page.html"]


def _full_disk(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content[:1])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_devices_stay_devices() -> None:
    write_file(Path(os.devnull), b"text")
    assert not Path(os.devnull).is_file()


def test_definitions_and_databases_are_not_written_over(tmp_path: Path) -> None:
    definition, store = tmp_path / "mine.yaml", tmp_path / "mlflow.db"
    definition.write_text("name: mine")
    sqlite3.connect(store).executescript("create table one (a)").close()
    with pytest.raises(ValueError, match=r"-o .*mine\.yaml: is a definition, and would be lost"):
        check_file("-o", definition)
    with pytest.raises(ValueError, match=r"-o .*mlflow\.db: is a database, and would be lost"):
        check_file("-o", store)
    check_file("-o", tmp_path / "new.yaml")


def test_an_error_names_the_file(tmp_path: Path) -> None:
    write_file(tmp_path / f"{'x' * 245}.html", b"a long name")
    with pytest.raises(OSError, match="No space") as caught:
        write_file(Path("/dev/full"), b"text")
    out = io.StringIO()
    assert exit_code_for(caught.value, Console(file=out)) == 1
    assert out.getvalue() == "error: /dev/full: no space left on device\n"
