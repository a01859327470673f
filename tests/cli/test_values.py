"""Values that no option and no variable of the environment takes: one sentence before anything is made."""

from pathlib import Path

import pytest

from overthink.store.uri import state_folder
from support.command import invoke
from support.small import definition


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["labels", "abcdef", "--lambda", "inf"], "--lambda inf: expected a number above 0"),
        (["labels", "abcdef", "--lambda", "0"], "--lambda 0: expected a number above 0"),
        (["labels", "abcdef", "--averaged-over", "0"], "--averaged-over 0: expected at least two different seeds"),
        (["labels", "abcdef", "--averaged-over", "0,0"], "--averaged-over 0,0: expected at least two different seeds"),
        (["budget", "abcdef", "--mul-adds", "inf"], "--mul-adds inf: expected a budget above 0"),
        (["predict", "abcdef", "x.png", "--budget", "1e400"], "--budget inf: expected a number of MUL-ADDs"),
        (["run", "quickstart", "--corruption", ""], "--corruption: empty; expected KIND:SEVERITY"),
        (["run", "quickstart", "--plugin", ""], "--plugin '': expected a module, such as my_module"),
        (["run", "quickstart", "--plugin", "../x"], "--plugin '../x': expected a module, such as my_module"),
        (["report", "quickstart", "-o", "notes.txt"], "--output notes.txt: suffix '.txt' is not one of .html, .htm"),
        (["import", "a", "--test", "x.csv", "--seeds", "init=3,init=4"], "--seeds init=3,init=4: expected seeds"),
    ],
)
def test_options(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "x.png").touch()
    (tmp_path / "notes.txt").write_text("mine")
    done = invoke(tmp_path, *arguments)
    assert done.returncode == 2
    assert f"error: {sentence}" in " ".join(done.stderr.split())
    assert {path.name for path in tmp_path.iterdir()} <= {"x.png", "notes.txt", "cache"}
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("OVERTHINK_PATIENCE", "-1", "OVERTHINK_PATIENCE=-1: expected seconds, such as 60"),
        ("OVERTHINK_UI_URL", "nowhere", "OVERTHINK_UI_URL=nowhere: expected an address"),
        ("MLFLOW_TRACKING_URI", "sqlite://", "MLFLOW_TRACKING_URI sqlite://: a database in memory is gone"),
        ("MLFLOW_TRACKING_URI", "sqlite:///:memory:", "MLFLOW_TRACKING_URI sqlite:///:memory:: a database in memory"),
        ("MLFLOW_TRACKING_URI", "sqlite:///file:x?mode=memory&uri=true", "?mode=memory&uri=true: a database in memory"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry-run"])
def test_variables(tmp_path: Path, more: list[str], name: str, value: str, sentence: str) -> None:
    definition(tmp_path)
    done = invoke(tmp_path, "run", "small.yaml", *more, **{name: value})
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())
    assert {path.name for path in tmp_path.iterdir()} <= {"small.yaml", "cache"}


def test_an_empty_variable_is_an_absent_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files set it so: the state of runs lay among a person's own files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OVERTHINK_STATE", "")
    assert state_folder() == tmp_path / ".overthink"


def test_trials_in_memory_are_refused(tmp_path: Path) -> None:
    done = invoke(tmp_path, "sweep", "quickstart-sweep", OPTUNA_STORAGE="sqlite:///:memory:")
    assert done.returncode == 2
    assert "storage sqlite:///:memory:: a database in memory is gone" in " ".join(done.stderr.split())
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}
