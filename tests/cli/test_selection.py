"""Runs by what people call them, in every command: one sentence for a name that is wrong, said at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from overthink.cli.selection import finished_runs, the_run
from overthink.definition.errors import DefinitionError
from overthink.store.local_store import store_to_read
from support.command import invoke

COMMANDS = (
    "compare NAME", "runs NAME", "diff NAME NAME", "analyse NAME", "policies NAME", "study NAME", "dynamics NAME",
    "figure accuracy NAME -o a.pdf", "report NAME", "export NAME -o out", "cascade two NAME other", "frequency NAME",
    "predict NAME picture.png", "budget NAME --mul-adds 20e6", "anytime NAME", "bench NAME", "labels NAME",
    "grad-cam NAME",
)  # fmt: skip
SENTENCE = "error: no run, group or definition 'small: lnog' in this store; did you mean 'small: long'?"
CODE = """
import sys
from overthink.cli.main import execute
print([execute([word.replace("NAME", "small: lnog") for word in command.split()]) for command in sys.argv[1:]])
print([name for name in ("torch", "mlflow", "plotly", "matplotlib") if name in sys.modules])
"""


def test_every_command_says_the_same_of_a_wrong_name_at_once(old_store: Path) -> None:
    (old_store / "picture.png").touch()
    done = subprocess.run(
        [sys.executable, "-c", CODE, *COMMANDS], capture_output=True, text=True, check=True, cwd=old_store
    )
    assert done.stdout.splitlines() == [str([2] * len(COMMANDS)), "[]"], done.stderr
    assert " ".join(done.stderr.split()) == " ".join([SENTENCE] * len(COMMANDS))


def test_what_is_near_or_there_is_named(old_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{old_store}/mlflow.db")
    store = store_to_read()
    for name, hint in {
        "small: lnog": "did you mean 'small: long'?",
        "lnog": "did you mean 'small: long'?",
        "quikstart": "did you mean 'quickstart'?",
        "zzzz": "there are '",
    }.items():
        with pytest.raises(DefinitionError) as raised:
            the_run(store, name)
        assert str(raised.value).startswith(f"no run, group or definition '{name}' in this store; {hint}")


def test_an_experiment_is_its_runs_and_no_single_one(old_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{old_store}/mlflow.db")
    store = store_to_read()
    found = finished_runs(store, "small")
    assert len(found) > 1
    with pytest.raises(DefinitionError, match=f"small has {len(found)} finished runs; name one, such as '"):
        the_run(store, "small")


def test_nothing_is_made_to_read_from(tmp_path: Path) -> None:
    for command in ("policies", "analyse", "frequency", "anytime nothing"):
        done = invoke(tmp_path, *command.split())
        assert "overthink run" in " ".join(done.stderr.split()), done.stderr
    assert not (tmp_path / "mlflow.db").exists()
