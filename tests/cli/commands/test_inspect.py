"""`overthink inspect`: what it prints is YAML, however wide the terminal is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.cli.commands.inspect import _shape
from overthink.definition.loading import load_experiment
from support.command import invoke
from support.small import definition

SHIPPED = sorted((Path(__file__).parents[3] / "experiments").glob("*.yaml"))


def documents(folder: Path, name: str, **environment: str) -> list[Any]:
    done = invoke(folder, "inspect", name, **environment)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def resolved(folder: Path, name: str) -> list[Any]:
    return [group["definition"] for group in json.loads(invoke(folder, "inspect", name, "--json").stdout)["groups"]]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_it_parses_to_the_same_definition_in_a_narrow_terminal(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overthink.running.network_size.exit_sizes", lambda *_: ())  # building networks takes minutes
    groups = load_experiment(path).groups
    assert documents(tmp_path, path.stem, COLUMNS="20") == [
        group.definition.model_dump(mode="json") for group in groups
    ]


@pytest.mark.parametrize("width", ["1", "79", "80", "300"])
def test_it_is_the_same_text_at_any_width(tmp_path: Path, width: str) -> None:
    variants = {"a": {}, "b": {"dataset": {"kind": "folder", "path": "1e4 " + "long " * 40, "size": 32, "classes": 3}}}
    path = str(definition(tmp_path, variants=variants))
    assert documents(tmp_path, path, COLUMNS=width) == resolved(tmp_path, path)


@pytest.mark.parametrize("command", [["inspect"], ["inspect", "--json"], ["run", "--dry-run"], ["compare"]])
def test_variants_that_are_made_equal_are_named_once(tmp_path: Path, command: list[str]) -> None:
    path = str(definition(tmp_path, variants={"short": {}, "long": {"regime.0.epochs": 4}}))
    name, *options = command
    said = invoke(tmp_path, name, path, *options, "--set", "regime.0.epochs=3").stderr
    assert said.count("variants short, long resolve to one definition; it is trained once, as short.") == 1
    assert "resolve to one" not in invoke(tmp_path, name, path, *options).stderr


def test_sizes_and_run_keys_stand_in_comments(tmp_path: Path) -> None:
    done = invoke(tmp_path, "inspect", str(definition(tmp_path)), "--seeds", "4:6")
    comments = [line.split() for line in done.stdout.splitlines() if line.startswith("# ")]
    assert comments[0] == ["#", "exit", "parameters", "MUL-ADDs"]
    assert [words[1] for words in comments[1:]] == ["1", "2", "3", "run", "run"]


def test_a_network_that_is_too_large_is_named_with_its_file(tmp_path: Path) -> None:
    done = invoke(tmp_path, "inspect", "imagenette", "--set", "network.channels=8192")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(
        "imagenette.yaml: base [network.channels=8192]: network: more than 100,000,000 parameters\n"
    )


@pytest.mark.parametrize("text", ["3x\u00b2x32", "3x32", "3x99999999999x32", "ax2x2", "3x\u0663x32"])
def test_the_shape_of_images_is_three_numbers(text: str) -> None:
    with pytest.raises(ValueError, match=f"--images {text}: expected channels, height and width, such as 3x32x32"):
        _shape(text)
