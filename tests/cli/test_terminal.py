"""Output that a terminal, a pipe or a disk cannot take as it is."""

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from overthink.cli.output import log, print_grid, print_json, results
from overthink.cli.terminal import prepare_output, print_raw
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text
from support.command import invoke

GRID = Grid(["Group", "Accuracy"], [["größe λ", "65.00 ± 7.07"], ["b 日", "1.00 ± 0.10"]], "Δ → …")


@pytest.mark.parametrize("columns", ["0", "-5", "abc", "1", "5", "", "²", "9" * 30])
def test_an_impossible_width_is_80_columns(tmp_path: Path, columns: str) -> None:
    expected = invoke(tmp_path, "data", "list").stdout
    assert "max-min-mnist" in expected
    assert invoke(tmp_path, "data", "list", COLUMNS=columns).stdout == expected
    assert max(map(len, invoke(tmp_path, "--help", COLUMNS=columns).stdout.splitlines())) == 80


@pytest.mark.parametrize(
    "encoding, first",
    [
        ("ascii", "große lambda  65.00 +- 7.07".replace("ß", "?")),
        ("cp1252", "größe lambda   65.00 ± 7.07"),
        ("cp437", "größe lambda   65.00 ± 7.07"),
        ("latin-1", "größe lambda   65.00 ± 7.07"),
        ("utf-8", "größe λ        65.00 ± 7.07"),
    ],
)
def test_a_table_in_any_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str, first: str) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    prepare_output()
    print_grid(GRID)
    print_raw("λ\n")
    shown = written.getvalue().decode(encoding).replace("|", " ")
    assert first.split() == next(line for line in shown.splitlines() if "65.00" in line).split()
    assert len({len(line) for line in shown.splitlines() if ".00" in line}) == (2 if encoding == "utf-8" else 1)
    assert shown.splitlines()[-1] == ("λ" if encoding == "utf-8" else "lambda")


def test_names_of_files_that_are_not_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    written, name = io.BytesIO(), os.fsdecode(b"caf\xe9.png")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8"))
    prepare_output()
    print_text(results(), name)
    print_raw(f"{name}\n")
    print_json({"file": name})
    assert written.getvalue().decode().split("\n")[:2] == ["caf?.png", "caf?.png"]
    assert r"caf\udce9.png" in written.getvalue().decode()


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_messages_without_a_reader_are_dropped_and_results_end_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    print_text(log(), "a training goes on")
    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(SystemExit, match="141"):
        print_grid(GRID)
    with pytest.raises(SystemExit, match="141"):
        print_json({})


@pytest.mark.process
@pytest.mark.parametrize(
    "shell, code, said",
    [
        ("data list | head -1", 0, ""),
        ("--help | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("data list | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("data list --json > /dev/full", 1, "error: "),
        ("data list > /dev/full", 1, "error: "),
        ("data list > /dev/full 2> /dev/full", 1, ""),
        ("data list >&-", 0, "Data folder"),
        ("data list >&- 2>&- <&-", 0, ""),
        ("run absent.yaml 2>&-", 2, ""),
        ("run absent.yaml >&-", 2, "error: absent.yaml: no such file"),
    ],
)
def test_closed_and_full_outputs(tmp_path: Path, shell: str, code: int, said: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m overthink.cli {shell}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("reads_results", [True, False])
def test_a_terminal_that_was_closed(tmp_path: Path, reads_results: bool) -> None:
    """What still runs in it, after `disown` or in a session of its own, gets errors of input and output."""
    shown, terminal = os.openpty()
    os.close(shown)
    done = subprocess.run(
        [sys.executable, "-m", "overthink.cli", "data", "list"],
        cwd=tmp_path,
        stdout=subprocess.PIPE if reads_results else terminal,
        stderr=terminal,
        check=False,
    )
    os.close(terminal)
    assert done.returncode == (0 if reads_results else 141)


@pytest.mark.process
def test_an_ascii_locale(tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "overthink.cli", "inspect", "größe.yaml"],
        cwd=tmp_path,
        env=os.environ | ascii_only,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"no such file" in done.stderr
    assert done.stderr.isascii()
