"""What cannot be written is said before the work, in one sentence."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from overthink.cli.commands import data
from overthink.cli.commands.analyse import analyse
from overthink.cli.commands.grad_cam import grad_cam
from overthink.cli.commands.report import report
from overthink.cli.output_path import check_file, check_folder, check_picture

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
