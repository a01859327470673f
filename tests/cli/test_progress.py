"""Long work says how far it is: a line each in a log, one bar on a terminal."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress
from rich.table import Column

from overthink.cli.commands.analyse import analyse
from overthink.cli.progress import Bars, LeftColumn, Lines, bars_on, counted
from overthink.launching.plan import plan
from overthink.running.events import Started
from overthink.running.pace import RunPace
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from overthink.training.epoch_record import EpochRecord
from support.repeats import by_difficulty, predictions
from support.small import small


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


def epochs(folder: Path, store: Store, listener: Lines | Bars) -> None:
    """Let a listener follow two runs, of which the first trains two epochs of three, as long as the test takes."""
    runs = plan(store, [small(folder)], dry=True)
    listener.on_plan([replace(run, pace=RunPace(0.0, (1000.0,), 0.0), at_once=1) for run in runs])
    listener.on_event(runs[0], Started("d", "d", {"train": 320}, (1,), (10**6,), (), {"device": "cpu"}))
    for number in (1, 2):
        record = EpochRecord(number, 1, 0.1, 1.5, (0.5,) * 3, (1.0,) * 3, (0.25, 0.5, 0.75), 1.0, 100.0)
        listener.on_event(runs[0], record)


def test_a_line_has_what_all_runs_still_take(tmp_path: Path, store: Store) -> None:
    console = Console(file=io.StringIO(), width=80)
    epochs(tmp_path, store, Lines(console))
    said = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert said == [
        "2 runs to train: base × seeds 0, 1.",
        "seed 0 · base · small: started on cpu (320 training images, 1.0 M MUL-ADDs)",
        "seed 0 · base · small: epoch 1/3, loss 1.500, val 25/50/75%; 2 runs to go, about 1 s",
        "seed 0 · base · small: epoch 2/3, loss 1.500, val 25/50/75%; 2 runs to go, about 1 s",
    ], "epochs took a moment, not the 1000 s that were expected"


def test_after_the_last_epoch_its_results_are_to_go(tmp_path: Path, store: Store) -> None:
    console = Console(file=io.StringIO(), width=80)
    listener, (run,) = Lines(console), plan(store, [small(tmp_path, seeds=1)], dry=True)
    listener.on_plan([replace(run, pace=RunPace(0.0, (1.0,), 2.0), at_once=1)])
    listener.on_event(run, Started("d", "d", {"train": 320}, (1,), (10**6,), (), {"device": "cpu"}))
    for number in (2, 3):
        record = EpochRecord(number, 1, 0.1, 1.5, (0.5,) * 3, (1.0,) * 3, (0.25, 0.5, 0.75), 1.0, 100.0)
        listener.on_event(run, record)
    second, third = console.file.getvalue().splitlines()[-2:]  # type: ignore[attr-defined]
    assert "1 run to go, about " in second
    assert "its results to go, about " in third


def test_bars_fit_a_terminal_of_80_columns(tmp_path: Path, store: Store) -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    with bars_on(console, LeftColumn(Column(no_wrap=True))) as progress:
        bars = Bars(console, progress)
        epochs(tmp_path, store, bars)
        shown = [line.rstrip() for line in rendered(progress)]
    assert shown[0].startswith("all 2 runs")
    assert shown[0].endswith("2/6 1 s left 2 to go")
    assert shown[1].startswith("seed 0 · base · small")
    assert shown[1].endswith("2/3 1 s left val 25/50/75%")
    assert max(map(len, shown)) <= 80


def rendered(progress: Progress) -> list[str]:
    """Return what a terminal of 80 columns shows."""
    shown = io.StringIO()
    Console(file=shown, width=80).print(progress.get_renderable())
    return shown.getvalue().splitlines()


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
