"""Long work says how far it is: a line each in a log, one bar on a terminal."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from overthink.cli.commands.analyse import analyse
from overthink.cli.progress import counted
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from support.repeats import by_difficulty, predictions


def test_a_line_each_elsewhere() -> None:
    console = Console(file=io.StringIO(), width=20)
    with counted(console, "figures", 2) as done:
        done("a\x1b[31m: 3 files of a name that is longer than a line")
        assert "figures 1/2: a?[31m: 3 files of a name that is longer than a line\n" in console.file.getvalue()  # type: ignore[attr-defined]
        done("b: 3 files")
    said = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert (said[0], said[2]) == ("figures: 2 to do.", "figures 2/2: b: 3 files")


def test_a_bar_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with counted(console, "figures", 2) as done:
        done("a: 3\x1b]0;owned\x07 files")
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1/2" in said
    assert "a: 3?]0;owned? files" in said


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_an_export_says_how_far_it_is(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    store = Store()
    writer = Writer(store)
    own = {tags.KIND: tags.KIND_RUN, tags.DEFINITION: "mine", tags.SEEDS: "0", tags.RUN_KEY: "mine 0"}
    run = writer.create(store.experiment("mine", "note"), "mine: base seed 0", own, {})
    val, test = predictions(by_difficulty(2, 60, exits=2))
    for split, one in {"val": replace(val, split="val"), "test": test}.items():
        one.write(tmp_path / f"{split}.parquet")
        writer.artifacts(run, [tmp_path / f"{split}.parquet"], "predictions")
    writer.close(run, tags.FINISHED)
    monkeypatch.setattr("overthink.report.export.FORMATS", ("svg",))  # each form of each figure takes half a second
    assert analyse([], tmp_path / "figures") == 0
    (place,) = (tmp_path / "figures").iterdir()
    files = list(place.iterdir())
    assert {file.suffix for file in files} == {".svg"}
    assert f"figures 1/1: {place}: {len(files)} files\n" in capsys.readouterr().err
