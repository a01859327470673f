"""Which kernels train a launch's runs. Native ones are stood in for: torch trains such runs, under their own keys."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from overthink.cli.commands.run import run
from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import experiment_of_run, load_experiment
from overthink.launching.kernels_choice import KernelsChoice
from overthink.launching.outcomes import Options
from overthink.running import gpu_drivers
from overthink.settings import KernelsAsked
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.reader import stored_definition
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer
from support.launches import Quiet, launch_inline
from support.native import Native
from support.policy_file import policy_file
from support.small import FEW_IMAGES, FEW_LAYERS, small

ONE = {"seeds": 1, "regime": [{"epochs": 1}], "dataset": FEW_IMAGES, "network": FEW_LAYERS}


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Native:
    return Native(monkeypatch)


def chosen(loaded: LoadedExperiment, store: Store | None = None, **options: Any) -> tuple[dict[str, str], list[str]]:
    """Return the kernels of each group, and the sentences about them."""
    said: list[str] = []
    (one,) = KernelsChoice(Options(**options), store, said.append).experiments([loaded])
    return {group.label: group.definition.kernels for group in one.groups}, said


def trained(store: Store, loaded: LoadedExperiment, kernels: KernelsAsked = "auto", **options: Any) -> list[str]:
    """Launch, and return the sentences of the launch."""
    quiet = Quiet()
    assert launch_inline(store, [loaded], Options(kernels=kernels, **options), quiet).complete
    return [body["message"] for body in quiet.bodies if body["event"] == "noted"]


def stored(store: Store, kind: str = tags.KIND_RUN) -> list[StoredRun]:
    return sorted(find_runs(store, kind=kind), key=lambda run: (run.kernels, run.started_ms))


def interrupted(store: Store, run_id: str) -> None:
    """Have a finished run look like one whose launch was killed."""
    writer = Writer(store)
    writer.resume(run_id)
    writer.close(run_id, tags.INTERRUPTED, "killed")


def test_a_new_group_trains_by_native_kernels_where_they_can(native: Native, tmp_path: Path) -> None:
    assert chosen(small(tmp_path)) == ({"base": "native"}, [])
    native.obstacle = "no C++ compiler was found (overthink doctor helps)."
    assert chosen(small(tmp_path)) == (
        {"base": "torch"},
        ["Kernels: torch's for small: base, since no C++ compiler was found (overthink doctor helps)."],
    )


def test_a_gpu_trains_by_torch_and_nothing_is_said(native: Native, tmp_path: Path, monkeypatch: Any) -> None:
    assert chosen(small(tmp_path), device="cuda") == ({"base": "torch"}, [])
    monkeypatch.setattr(gpu_drivers, "has_gpu", lambda: True)
    assert chosen(small(tmp_path)) == ({"base": "torch"}, [])
    assert chosen(small(tmp_path), device="cpu") == ({"base": "native"}, [])
    assert chosen(small(tmp_path), engine="ray") == ({"base": "native"}, [])
    assert len(native.calls) == 2


def test_what_is_asked_for_is_used_or_refused_in_a_sentence(native: Native, tmp_path: Path) -> None:
    assert chosen(small(tmp_path), kernels="native") == ({"base": "native"}, [])
    native.obstacle = "no C++ compiler was found"
    assert chosen(small(tmp_path), kernels="torch") == ({"base": "torch"}, [])
    with pytest.raises(
        ValueError, match=r"^small: base: native kernels were asked for, but no C\+\+ compiler was found$"
    ):
        chosen(small(tmp_path), kernels="native")
    with pytest.raises(ValueError, match="a CPU alone"):
        chosen(small(tmp_path), kernels="native", device="cuda")
    with pytest.raises(ValueError, match="expected auto, torch or native"):
        chosen(small(tmp_path), kernels="fast")


def test_the_obstacle_is_asked_for_once_a_group(native: Native, tmp_path: Path) -> None:
    variants = {"a": {}, "b": {"network.growth": 4}, "c": {"threads": 2}, "d": {"keep_logits": True}}
    native.obstacle = "of some reason"
    kernels, said = chosen(small(tmp_path, variants=variants))
    assert set(kernels.values()) == {"torch"}
    assert said == ["Kernels: torch's for small: a, small: b, small: c and small: d, since of some reason."]
    assert len(native.calls) == 2  # c and d train the network of a


def test_a_network_that_is_too_large_is_refused_before_a_run_exists(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OVERTHINK_KERNELS")
    loaded = small(tmp_path, network={"kind": "msdnet", "channels": 4096, "growth": 4096})
    with pytest.raises(ValueError, match=r"^small: base: network: more than 100,000,000 parameters$"):
        launch_inline(store, [loaded], Options(kernels="auto"))
    assert find_runs(store) == []


def test_the_definition_may_write_its_kernels_out(native: Native, tmp_path: Path) -> None:
    loaded = small(tmp_path, variants={"torch": {"kernels": "torch"}, "native": {"kernels": "native"}})
    assert chosen(loaded)[0] == {"torch": "torch", "native": "native"}
    with pytest.raises(ValueError, match="small: native: --kernels torch, but the definition has kernels: native"):
        chosen(loaded, kernels="torch")
    native.obstacle = "no compiler"
    with pytest.raises(ValueError, match="small: native: its definition has native kernels, but no compiler"):
        chosen(loaded)
    same = small(tmp_path, variants={"any": {}, "torch": {"kernels": "torch"}})
    native.obstacle = None
    assert chosen(same)[0] == {"any": "torch"}


def test_groups_that_differ_in_threads_alone_are_one_by_native_kernels(native: Native, tmp_path: Path) -> None:
    loaded = small(tmp_path, variants={"one": {}, "two": {"threads": 2}})
    (one,) = KernelsChoice(Options(), None, print).experiments([loaded])
    assert ([group.variant for group in one.groups], one.merged) == (["one"], {"two": "one"})
    path = tmp_path / "small.yaml"
    (one,) = KernelsChoice(Options(), None, print).experiments([load_experiment(path, ["threads=4"])])
    assert [group.label for group in one.groups] == ["one"]
    (one,) = KernelsChoice(Options(), None, print).experiments(
        [load_experiment(path, ["threads=4", "network.growth=4"])]
    )
    assert [group.label for group in one.groups] == ["one [network.growth=4]"]


def test_a_trained_network_is_tested_on_corrupted_images_by_its_own_kernels(
    native: Native, store: Store, tmp_path: Path
) -> None:
    trained(store, small(tmp_path, **ONE), "torch")
    noisy = load_experiment(tmp_path / "small.yaml", ["dataset.corruption=contrast:1"])
    kernels, _ = chosen(noisy, store)
    assert [*kernels.values()] == ["torch"]


def test_a_group_that_was_begun_with_torch_goes_on_with_torch(native: Native, store: Store, tmp_path: Path) -> None:
    assert trained(store, small(tmp_path, **ONE), "torch") == []
    assert trained(store, small(tmp_path, **ONE)) == []
    (said,) = trained(store, small(tmp_path, **ONE | {"seeds": 2}))
    assert said == (
        "Kernels: torch's for small: base, since the store has runs of it made with these "
        "(--kernels native starts others)."
    )
    assert [run.kernels for run in stored(store)] == ["torch", "torch"]
    assert native.calls == []


def test_a_group_that_was_begun_with_native_kernels_goes_on_with_them(
    native: Native, store: Store, tmp_path: Path
) -> None:
    assert trained(store, small(tmp_path, **ONE)) == []
    native.obstacle = "no C++ compiler was found"
    assert trained(store, small(tmp_path, **ONE)) == []  # nothing is left to train
    with pytest.raises(ValueError, match="small: base: its runs in the store were made with native kernels") as raised:
        trained(store, small(tmp_path, **ONE | {"seeds": 2}))
    assert str(raised.value).endswith("since no C++ compiler was found; --kernels torch starts other runs")
    assert [run.kernels for run in stored(store)] == ["native"]
    assert trained(store, small(tmp_path, **ONE | {"seeds": 2}), "torch") == []
    assert [run.kernels for run in stored(store)] == ["native", "torch", "torch"]
    assert [run.kernels for run in stored(store, tags.KIND_GROUP)] == ["native", "torch"]


def test_an_interrupted_run_keeps_its_kernels(native: Native, store: Store, tmp_path: Path, monkeypatch: Any) -> None:
    trained(store, small(tmp_path, **ONE))
    (run_,) = stored(store)
    interrupted(store, run_.run_id)
    monkeypatch.setattr(gpu_drivers, "has_gpu", lambda: True)
    assert trained(store, small(tmp_path, **ONE)) == [
        "Kernels: native, on the CPU, for small: base, since the store has runs of it made with these."
    ]
    assert [(run.kernels, run.outcome) for run in stored(store)] == [("native", tags.FINISHED)]


def test_a_group_of_both_goes_on_with_torch_and_says_so(native: Native, store: Store, tmp_path: Path) -> None:
    trained(store, small(tmp_path, **ONE), "torch")
    assert trained(store, small(tmp_path, **ONE), "native") == []
    (said,) = trained(store, small(tmp_path, **ONE | {"seeds": 2}))
    assert said.endswith("(--kernels native goes on with those made with native ones).")


def test_a_study_mixes_no_kernels(native: Native, store: Store, tmp_path: Path) -> None:
    arms = {"arms": {"init": ["init"]}, "repeats": 2, "regime": [{"epochs": 1}]}
    one = small(tmp_path, **arms, variants={"a": {}})
    trained(store, one, "torch")
    two = small(tmp_path, **arms, variants={"a": {}, "b": {"network.growth": 4}})
    assert chosen(two, store)[0] == {"a": "torch", "b": "torch"}
    trained(store, small(tmp_path, **arms, variants={"b": {"network.growth": 4}}), "native")
    with pytest.raises(
        ValueError, match=r"^a study mixes no kernels, but the store has runs of small: a made with torch"
    ):
        chosen(two, store)


def test_a_repeated_run_keeps_its_kernels(native: Native, store: Store, tmp_path: Path) -> None:
    trained(store, small(tmp_path, **ONE), "torch")
    trained(store, small(tmp_path, **ONE), "native")
    for run_ in stored(store):
        found = stored_definition(store, run_.run_id)
        texts = [found.text]
        if run_.kernels == "torch":  # and as an earlier version stored it
            texts.append(json.dumps({k: v for k, v in json.loads(found.text).items() if k != "kernels"}))
        for text in texts:
            again = experiment_of_run(text, "run:ID", "small", "base", "A run.")
            assert chosen(again)[0] == {"base": run_.kernels}
            assert again.groups[0].runs[0].key == run_.run_key


def test_main_networks_choose_for_themselves(native: Native, store: Store, tmp_path: Path) -> None:
    loaded = load_experiment(policy_file(tmp_path, seeds=1))

    def both(**options: Any) -> list[str]:
        (one,) = KernelsChoice(Options(**options), store, print).experiments([loaded])
        definition = one.groups[0].definition
        assert definition.policy is not None
        return [definition.policy.of.kernels, definition.kernels]

    assert both() == ["native", "native"]
    trained(store, small(tmp_path, seeds=1), "torch")
    assert both() == ["torch", "native"]
    assert both(kernels="native") == ["native", "native"]
    trained(store, loaded)
    policy, main = sorted(stored(store), key=lambda run: run.is_policy, reverse=True)
    assert (policy.kernels, main.kernels) == ("native", "torch")
    assert policy.main is not None
    assert policy.main.run_id == main.run_id


def test_phases_of_other_kernels_are_not_adopted(native: Native, store: Store, tmp_path: Path) -> None:
    trained(store, small(tmp_path, **ONE), "torch")
    longer = small(tmp_path, **{**ONE, "regime": [{"epochs": 1}, {"epochs": 1}]})
    trained(store, longer, "native")
    (by_native,) = [run for run in stored(store) if run.kernels == "native"]
    assert by_native.parent is None
    trained(store, longer, "torch")
    assert sum(run.parent is not None for run in stored(store)) == 1


def test_a_worker_that_cannot_use_native_kernels_fails_the_run(native: Native, store: Store, tmp_path: Path) -> None:
    class Gone(Quiet):
        def on_plan(self, runs: Sequence[Any]) -> None:
            native.obstacle = "no C++ compiler was found."

    outcomes = launch_inline(store, [small(tmp_path, **ONE)], Options(), Gone())
    (message,) = outcomes.messages.values()
    assert "cannot train this run by native kernels, since no C++ compiler was found; --kernels torch" in message
    assert stored(store) == []


def test_a_run_that_another_process_trains_by_torch_counts(
    native: Native, store: Store, tmp_path: Path, monkeypatch: Any
) -> None:
    loaded = small(tmp_path, **ONE)
    (key,) = [one.key for one in loaded.groups[0].runs]
    monkeypatch.setattr("overthink.launching.kernels_choice.claimed_keys", lambda store: {key})
    assert chosen(loaded, store)[0] == {"base": "torch"}


def test_what_another_process_trains_by_native_kernels_is_left_to_it(
    native: Native, store: Store, tmp_path: Path, monkeypatch: Any
) -> None:
    (group,) = small(tmp_path, **ONE).groups
    (key,) = [group.definition.by("native").with_seeds(seeds).key for seeds in group.seeds]
    monkeypatch.setattr("overthink.launching.kernels_choice.claimed_keys", lambda store: {key})
    native.obstacle = "no C++ compiler was found"
    assert chosen(small(tmp_path, **ONE), store) == ({"base": "native"}, [])
    with pytest.raises(ValueError, match="cannot go on, since no C"):
        chosen(small(tmp_path, **ONE | {"seeds": 2}), store)


def test_tags_and_provenance_name_the_kernels(native: Native, store: Store, tmp_path: Path) -> None:
    trained(store, small(tmp_path, **ONE), "torch")
    trained(store, small(tmp_path, **ONE), "native")
    by_native, by_torch = stored(store)
    assert by_native.instruction_set == "x86-64-v4"
    assert by_torch.instruction_set not in ("", "x86-64-v4")
    found = store.client.get_run(by_native.run_id).data.tags
    assert found[tags.COMPILER] == "g++ 13.2.0"
    assert found[tags.IMAGES_PER_BLOCK] == "64"
    assert "native kernels" in by_native.note
    settings = json.loads(store.text(by_native.run_id, tags.PROVENANCE_FILE))["attempts"][0]["settings"]
    assert settings.items() >= native.settings.items()


def test_a_plan_by_torch_needs_no_torch(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVERTHINK_KERNELS")
    trained(store, small(tmp_path, **ONE), "torch")
    code = (
        "import sys; from overthink.cli.commands.run import run\n"
        f"run([{str(tmp_path / 'small.yaml')!r}], seeds='0:2', dry_run=True)\n"
        f"run([{str(tmp_path / 'small.yaml')!r}], ['threads=2'], kernels='torch', dry_run=True)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "False\n"
    assert "starts others" in done.stderr or gpu_drivers.has_gpu_driver()


def test_a_plan_shows_the_keys_that_would_be_trained(
    native: Native, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = small(tmp_path, **ONE)
    for kernels in ("torch", "native"):
        run([str(tmp_path / "small.yaml")], kernels=kernels, dry_run=True, as_json=True)
        (planned,) = json.loads(capsys.readouterr().out)
        definition = loaded.groups[0].definition.by(kernels)
        assert planned["run_key"] == definition.with_seeds(loaded.groups[0].seeds[0]).key
        assert planned["kernels"] == kernels


def test_less_than_float32_is_never_by_native_kernels(
    native: Native, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = small(tmp_path, precision="bf16")
    with pytest.raises(
        ValueError, match="small: base: precision: bf16 is a GPU's, and --device auto means the CPU here"
    ):
        chosen(loaded)
    with pytest.raises(ValueError, match="bf16 is a GPU's, but native kernels train on a CPU alone"):
        chosen(loaded, kernels="native")
    monkeypatch.setattr(gpu_drivers, "has_gpu", lambda: True)
    assert chosen(loaded) == ({"base": "torch"}, [])
    with pytest.raises(DefinitionError, match="precision: native kernels compute in float32 on a CPU, not in bf16"):
        small(tmp_path, precision="bf16", kernels="native")
