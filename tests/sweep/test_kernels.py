"""A sweep and its kernels. Native ones are stood in for: torch trains such trials, under their own keys."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.cli.commands.sweep import sweep as sweep_command
from overthink.launching.outcomes import Options
from overthink.settings import KernelsAsked
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.sweep.best_definition import best_definition
from overthink.sweep.definition import LoadedSweep, load_sweep
from overthink.sweep.kernels import as_begun
from overthink.sweep.storage import opened, storage_uri
from overthink.sweep.sweeping import Swept, sweep
from support.engines import ReplayingEngine
from support.native import Native
from support.policy_file import policy_file
from support.small_sweep import SWEEP, RecordingListener, sweep_file, tiny_sweep

FAST: dict[str, Any] = {"space": {"regime.0.lr": {"float": [0.01, 0.2], "log": True}}, "trials": 1}
ONE_EPOCH = {"regime": [{"epochs": 1}]}


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Native:
    return Native(monkeypatch)


def tiny(folder: Path, **changes: Any) -> LoadedSweep:
    return tiny_sweep(folder, ONE_EPOCH, **FAST | changes)


class Listener(RecordingListener):
    """Also remembers messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def on_message(self, sentence: str) -> None:
        self.messages.append(sentence)


def swept(store: Store, loaded: LoadedSweep, kernels: KernelsAsked = "auto") -> tuple[Swept, list[str]]:
    listener = Listener()
    found = sweep(loaded, store, storage_uri(), Options(kernels=kernels), listener, ReplayingEngine())
    return found, listener.messages


def kernels_of_runs(store: Store) -> list[str]:
    return sorted(run.kernels for run in find_runs(store, kind=tags.KIND_RUN))


def test_a_torch_sweep_has_the_name_that_it_always_had(tmp_path: Path) -> None:
    loaded = tiny(tmp_path)
    torch, native = loaded.by_either_kernels
    assert torch.study_name == loaded.study_name != native.study_name
    assert (torch.measure, native.measure == loaded.measure) == (loaded.measure, False)


def test_a_sweep_goes_on_with_the_kernels_that_it_was_begun_with(native: Native, store: Store, tmp_path: Path) -> None:
    first, said = swept(store, tiny(tmp_path))
    assert (said, kernels_of_runs(store)) == ([], ["native"])
    native.obstacle = "no C++ compiler was found"
    assert swept(store, tiny(tmp_path))[1] == []  # no trial is left
    with pytest.raises(ValueError, match="tiny-sweep: its runs in the store were made with native kernels"):
        swept(store, tiny(tmp_path, trials=2))
    again, said = swept(store, tiny(tmp_path), "torch")
    assert (again.loaded.study_name, said) == (tiny(tmp_path).study_name, [])
    assert again.loaded.study_name != first.loaded.study_name
    assert kernels_of_runs(store) == ["native", "torch"]
    (said_now,) = swept(store, tiny(tmp_path, trials=2))[1]
    assert "torch's for tiny-sweep, since the store has runs of it" in said_now
    assert kernels_of_runs(store) == ["native", "torch", "torch"]


def test_every_end_of_the_space_counts(
    native: Native, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "overthink.networks.availability.native_obstacle",
        lambda network, *rest, **more: "4 is too wide" if network.growth == 4 else None,
    )
    found, said = swept(store, tiny(tmp_path, space={"network.growth": {"choice": [2, 4]}}, sampler={"kind": "grid"}))
    assert said == ["Kernels: torch's for tiny-sweep, since 4 is too wide."]
    assert found.loaded.base.kernels == "torch"


def test_the_best_of_a_sweep_is_looked_up_by_its_kernels(
    native: Native, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep_file(tmp_path, ONE_EPOCH, **FAST)
    sweep_command(str(tmp_path / "tiny-sweep.yaml"), dry_run=True, as_json=True)
    planned = json.loads(capsys.readouterr().out)["study"]
    found, _ = swept(store, tiny(tmp_path))
    assert planned == found.loaded.study_name, "a dry run names the study that the sweep makes"
    with opened(storage_uri()) as storage:
        begun = as_begun(tiny(tmp_path), storage)
    assert begun.study_name == found.loaded.study_name
    assert best_definition(begun, found.results.best)["kernels"] == "native"
    sweep_command(str(tmp_path / "tiny-sweep.yaml"), best=True)
    assert yaml.safe_load(capsys.readouterr().out)["kernels"] == "native"
    sweep_command(str(tmp_path / "tiny-sweep.yaml"), dry_run=True, as_json=True)
    assert found.loaded.study_name in capsys.readouterr().out


def test_kernels_may_be_what_a_sweep_varies(native: Native, store: Store, tmp_path: Path) -> None:
    space = {"kernels": {"choice": ["torch", "native"]}}
    swept(store, tiny(tmp_path, space=space, sampler={"kind": "grid"}, trials=2))
    assert kernels_of_runs(store) == ["native", "torch"]


def test_labels_come_from_the_main_network_that_there_is(native: Native, store: Store, tmp_path: Path) -> None:
    policy_file(tmp_path)
    path = tmp_path / "label-sweep.yaml"
    label = {"metric": "labels/balance"}
    space = {"policy.labels.lambda": {"choice": [1, 50]}}
    raw = SWEEP | {"experiment": "policy.yaml", "objectives": [label], "space": space, "trials": 2}
    path.write_text(yaml.safe_dump(raw | {"sampler": {"kind": "grid"}}))
    found, said = swept(store, load_sweep(path))
    assert (found.results.counts, said) == ({"finished": 2}, [])
    assert kernels_of_runs(store) == ["native"]
