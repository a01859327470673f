"""What is missing on this machine is one sentence before any run, and only for runs that are to do."""

import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch

from overthink.data.catalogue import FETCHABLE, absence
from overthink.data.cifar import Cifar100Spec
from overthink.data.imagenette import ImagenetteSpec
from overthink.data.max_min_mnist import MaxMinMnistSpec
from overthink.data.svhn import SvhnSpec
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options
from overthink.launching.preflight import obstacles
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.command import invoke
from support.launches import Quiet, launch_inline
from support.small import definition, small
from support.small_sweep import sweep_file

CIFAR: dict[str, Any] = {"dataset": {"kind": "cifar-100"}, "augment": None}
Usage = namedtuple("Usage", "total used free")


def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


@pytest.mark.parametrize(
    "spec, name",
    [
        (Cifar100Spec(kind="cifar-100"), "cifar-100"),
        (SvhnSpec(kind="svhn"), "svhn"),
        (MaxMinMnistSpec(kind="max-min-mnist", train=400, test=40), "mnist"),
        (ImagenetteSpec(kind="imagenette", archive="imagenette2-320"), "imagenette2-320"),
    ],
)
def test_a_missing_data_set_names_the_command_that_fetches_it(tmp_path: Path, spec: Any, name: str) -> None:
    assert name in FETCHABLE
    assert (said := absence(spec, tmp_path)) is not None
    assert said.endswith(f"is not in {tmp_path}; download it with `overthink data get {name} --data-root {tmp_path}`")


def test_run_refuses_in_one_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    variants = {"a": {}, "b": {"network.growth": 4}}
    path = definition(tmp_path, **CIFAR, variants=variants, seeds=30)
    data = str(tmp_path / "data")
    done = invoke(tmp_path, "run", str(path), OVERTHINK_DATA=data)
    assert done.returncode == 2
    assert " ".join(done.stderr.split()) == (
        f"error: data set cifar-100 is not in {data}; download it with `overthink data get cifar-100` (needed by small)"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["small.yaml"]
    dry = invoke(tmp_path, "run", str(path), "--dry-run", OVERTHINK_DATA=data)
    assert dry.returncode == 0
    assert dry.stderr.count("overthink data get cifar-100") == 1
    assert "Cannot be trained here yet: data set cifar-100" in " ".join(dry.stderr.split())
    assert " ".join(dry.stderr.split()).endswith(
        "60 of 60 runs would be trained, once that is possible here. Nothing was done (--dry-run)."
    )
    shown = invoke(tmp_path, "inspect", str(path), "--json", OVERTHINK_DATA=data)
    assert shown.returncode == 0
    assert shown.stderr.count("overthink data get cifar-100") == 1


def test_each_missing_data_set_is_a_line(tmp_path: Path) -> None:
    mine = {"kind": "folder", "path": "mine", "size": 32, "classes": 3}
    path = definition(tmp_path, **CIFAR, variants={"theirs": {}, "mine": {"dataset": mine}})
    done = invoke(tmp_path, "run", str(path), OVERTHINK_DATA=str(tmp_path / "data"), COLUMNS="1000")
    first, second = done.stderr.splitlines()
    assert (done.returncode, first.endswith("cifar-100` (needed by small: theirs)")) == (2, True)
    assert second == (
        f"error: data set folder is not at {tmp_path / 'data' / 'mine'}; put it there, or name another folder "
        "(needed by small: mine)"
    )


def test_on_a_cluster_data_and_device_are_its_own(tmp_path: Path) -> None:
    loaded = small(tmp_path, **CIFAR)
    options = Options(engine="ray", device="cuda", data_root=tmp_path)
    assert obstacles([loaded], options, uri(tmp_path)) == []


@pytest.mark.parametrize("count, there", [(0, "has no CUDA device"), (2, "has 2 CUDA devices")])
def test_a_device_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, there: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    (said,) = obstacles([small(tmp_path)], Options(device="cuda:2"), uri(tmp_path))
    assert said == f"--device cuda:2: this machine {there}; use --device auto for what there is"
    assert obstacles([small(tmp_path)], Options(device="cpu"), uri(tmp_path)) == []


def test_too_little_room_and_folders_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = small(tmp_path)
    monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "small.yaml" / "state"))
    (said,) = obstacles([loaded], Options(), uri(tmp_path))
    assert said == f"the folder of unfinished runs (OVERTHINK_STATE), {tmp_path}/small.yaml, is a file"
    monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 50 * 2**20))
    (said,) = obstacles([loaded], Options(), uri(tmp_path))
    assert said == (
        f"the folder of unfinished runs (OVERTHINK_STATE) and the store, {tmp_path}, has 50 MB left on its disk; at "
        "least 200 MB are needed"
    )
    monkeypatch.setattr(os, "access", lambda *_: False)
    (said,) = obstacles([loaded], Options(force=True), "http://127.0.0.1:9")
    assert said.endswith("cannot be written to")


def test_finished_runs_need_nothing(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = small(tmp_path, seeds=1, regime=[{"epochs": 1}])
    launch_inline(store, [one], Options(), Quiet())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 0))
    assert obstacles([one], Options(), store.uri) == []
    assert launch(store, [one], Options(), Quiet()).complete
    two = small(tmp_path, seeds=2, regime=[{"epochs": 1}])
    for experiment, options in ((one, Options(force=True)), (two, Options())):
        with pytest.raises(ValueError, match="0 MB left"):
            launch(store, [experiment], options, Quiet())
    assert len(find_runs(store, kind=tags.KIND_RUN)) == 1


def test_a_sweep_refuses_before_its_study_is_made(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, {**CIFAR, "regime": [{"epochs": 2}]})
    before = {file.name for file in tmp_path.iterdir()}
    for arguments, code in (((), 2), (("--dry-run",), 0)):
        done = invoke(tmp_path, "sweep", str(path), *arguments, OVERTHINK_DATA=str(tmp_path / "data"))
        assert done.returncode == code, done.stderr
        assert done.stderr.count("overthink data get cifar-100") == 1
    assert {file.name for file in tmp_path.iterdir()} - {"cache"} == before
