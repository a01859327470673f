"""Commands that look up runs by a definition find those by either kernels."""

import json
from pathlib import Path
from typing import Any

import pytest

from overthink.cli.commands.compare import compare
from overthink.cli.commands.inspect import inspect
from overthink.cli.commands.report import report
from overthink.cli.commands.run import run
from overthink.cli.commands.study import study
from overthink.cli.definitions import load_definitions
from overthink.cli.selection import chosen_runs
from overthink.launching.outcomes import Options
from overthink.report.run_diff import differing_parts, side_of
from overthink.settings import KernelsAsked
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.launches import launch_inline
from support.native import Native
from support.policy_file import policy_file
from support.small import small

ONE_EPOCH = {"regime": [{"epochs": 1}]}


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Native:
    return Native(monkeypatch)


def launched(store: Store, folder: Path, kernels: KernelsAsked) -> str:
    """Launch two seeds and return the definition's file."""
    assert launch_inline(store, [small(folder, **ONE_EPOCH)], Options(kernels=kernels)).complete
    return str(folder / "small.yaml")


def rows_of(capsys: pytest.CaptureFixture[str], name: str, code: int = 0) -> list[Any]:
    assert compare([name], form="json") == code
    return json.loads(capsys.readouterr().out)["rows"]  # type: ignore[no-any-return]


def test_runs_by_native_kernels_are_those_of_the_definition(
    native: Native, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = launched(store, tmp_path, "native")
    (row,) = rows_of(capsys, file)
    assert (row["group"], row["kernels"], len(row["finished"])) == ("small: base", ["native"], 2)
    assert "2 of 2 runs" not in capsys.readouterr().err
    assert len(chosen_runs(store, [file])) == 3
    assert study(file, as_json=True) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["missing"], found["kernels_warning"]) == (0, "")
    assert report([file], output=tmp_path / "report.html") == 0
    assert run([file], as_json=True) == 0
    assert [row["group"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["small: base"]


def test_runs_by_both_are_two_groups_of_different_names(
    native: Native, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launched(store, tmp_path, "native")
    file = launched(store, tmp_path, "torch")
    names = ["small: base [kernels=torch]", "small: base [kernels=native]"]
    assert sorted(row["group"] for row in rows_of(capsys, file)) == sorted(names)
    assert compare([file], against="base [kernels=torch]") == 0
    capsys.readouterr()
    assert study(file) == 0
    said = capsys.readouterr().out
    assert all(f"base · small [kernels={name}]" in said for name in ("torch", "native"))
    runs = chosen_runs(store, [])
    of_torch, of_native = sorted((one for one in runs if one.is_group), key=lambda one: one.kernels, reverse=True)
    parts = differing_parts(side_of(store, runs, of_torch), side_of(store, runs, of_native))
    assert [place[0] for place in parts["definition"]] == ["kernels"]
    assert {"settings.kernels", "settings.compiler", "settings.instruction_set"} <= {
        place[0] for place in parts["provenance"]
    }


def test_several_instruction_sets_are_named_by_compare_and_study(
    native: Native, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch_inline(store, [small(tmp_path, **ONE_EPOCH, seeds=1)], Options()).complete
    native.settings["instruction_set"] = "x86-64-v3"
    file = launched(store, tmp_path, "auto")
    assert compare([file]) == 0
    assert "DIFFERENT KERNELS in small: base" in " ".join(capsys.readouterr().out.split())
    study(file)
    assert "DIFFERENT KERNELS in base · small" in " ".join(capsys.readouterr().err.split())


def test_a_run_repeated_from_the_store_keeps_its_kernels(native: Native, store: Store, tmp_path: Path) -> None:
    launched(store, tmp_path, "native")
    (first, _) = find_runs(store, kind=tags.KIND_RUN)
    (again,) = load_definitions([f"run:{first.run_id}"], [], None)
    assert [one.kernels for one in again.groups[0].definition.by_either_kernels] == ["native"]


def test_what_inspect_prints_leaves_kernels_to_the_launch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(policy_file(tmp_path))
    inspect(file, as_json=True)
    definition = json.loads(capsys.readouterr().out)["definition"]
    assert "kernels" not in {*definition, *definition["policy"]["of"]}
    inspect(file, ["kernels=torch"], as_json=True)
    assert json.loads(capsys.readouterr().out)["definition"]["kernels"] == "torch"
