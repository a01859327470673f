"""Checkpoints of regimes with phases: structure, teacher, momentum; and those that belong elsewhere."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from overthink.data.augment import AugmentSpec
from overthink.data.batches import Samples
from overthink.networks.collaboration import CollaborativeNetwork
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.seeds import expand
from overthink.training.checkpoint import NAME, RunIdentity, _digest, adopt, load, load_trained, save
from overthink.training.loop import TrainingState, fit
from overthink.training.losses import OfaLossSpec
from overthink.training.regime import STORED_CHECKPOINT, Phase

SEEDS = expand(1)[0]
BIAS = "network/exits.0.classify.bias"
TINY = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)
REGIME = (
    Phase(epochs=1, batch_size=8),
    Phase(epochs=2, batch_size=8, attach=CollaborationSpec(kind="isc", width=5), loss=OfaLossSpec(kind="ofa")),
    Phase(epochs=2, batch_size=8, loss=OfaLossSpec(kind="ofa"), freeze="features", gradient_equilibrium=True),
)


def identity(regime: tuple[Phase, ...] = REGIME, key: str = "run") -> RunIdentity:
    return RunIdentity(key, "data", regime, SEEDS)


def fresh() -> TrainingState:
    return TrainingState(TINY.build((1, 16, 16), 3, torch.Generator().manual_seed(0)))


def go_on(state: TrainingState, epochs: int, regime: tuple[Phase, ...] = REGIME) -> TrainingState:
    chance = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (24, 1, 16, 16), generator=chance, dtype=torch.uint8)
    samples = Samples(images, torch.randint(0, 3, (24,), generator=chance), torch.tensor([0.5]), torch.tensor([0.3]))
    records = fit(state, regime, samples, samples, AugmentSpec(), SEEDS)
    for _ in range(epochs):
        next(records)
    return state


def everything(state: TrainingState) -> dict[str, bytes]:
    teacher = state.teacher.state_dict() if state.teacher else {}
    parts = {"network": state.network.state_dict(), "momentum": state.momentum, "teacher": teacher}
    return {f"{part}/{name}": t.detach().numpy().tobytes() for part, all_ in parts.items() for name, t in all_.items()}


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 5])
def test_what_is_loaded_is_what_was_saved_and_goes_on_the_same(tmp_path: Path, epochs: int) -> None:
    """Before, within and after each phase; the teacher of the third has connections itself."""
    saved = go_on(fresh(), epochs)
    save(tmp_path, saved, identity())
    loaded = fresh()
    assert load(tmp_path, loaded, identity())
    assert everything(loaded) == everything(saved)
    assert loaded.history == saved.history
    assert isinstance(loaded.network, CollaborativeNetwork) == (epochs > 1)
    assert (loaded.teacher is not None) == (epochs in (2, 4))
    assert isinstance(loaded.teacher, CollaborativeNetwork) == (epochs == 4)
    assert everything(go_on(loaded, 5 - epochs)) == everything(go_on(saved, 5 - epochs))


def test_a_run_that_begins_with_a_parent_of_two_phases(tmp_path: Path) -> None:
    save(tmp_path, go_on(fresh(), 3, REGIME[:2]), identity(REGIME[:2], "parent"))
    child = fresh()
    adopt(tmp_path / NAME, child, identity(), "parent")
    assert everything(go_on(child, 2)) == everything(go_on(fresh(), 5))


def test_a_parent_may_have_all_phases(tmp_path: Path) -> None:
    save(tmp_path, go_on(fresh(), 5), identity(key="parent"))
    child = fresh()
    adopt(tmp_path / NAME, child, identity(), "parent")
    assert everything(child) == everything(go_on(fresh(), 5))


@pytest.mark.parametrize("epochs", [2, 4])
def test_a_parent_has_ended_one_of_the_childs_phases(tmp_path: Path, epochs: int) -> None:
    path = save(tmp_path, go_on(fresh(), epochs), identity(key="parent"))
    with pytest.raises(ValueError, match=r"checkpoint.safetensors is not at the end of a phase"):
        adopt(path, fresh(), identity(), "parent")


def test_a_wrapped_network_of_another_width_is_refused(tmp_path: Path) -> None:
    save(tmp_path, go_on(fresh(), 2), identity())
    wider = Phase(epochs=2, batch_size=8, attach=CollaborationSpec(kind="isc", width=7), loss=REGIME[1].loss)
    with pytest.raises(ValueError, match=r"checkpoint.safetensors is of another network: .*connections\.1") as raised:
        load(tmp_path, fresh(), identity((REGIME[0], wider, REGIME[2])))
    assert "\n" not in str(raised.value)


def test_an_early_checkpoint_that_does_not_name_its_data_is_read(tmp_path: Path) -> None:
    """As written before checkpoints named their data and remembered teachers."""
    path = save(tmp_path, go_on(fresh(), 1), identity())
    with safe_open(path, framework="pt") as file:
        meta = {name: value for name, value in file.metadata().items() if name != "data"}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    assert sorted(meta) == ["digest", "format", "history", "run_key"]
    save_file(tensors, path, metadata=meta)
    loaded = fresh()
    assert load(tmp_path, loaded, identity())
    assert everything(loaded) == everything(go_on(fresh(), 1))


def test_a_checkpoint_from_before_epochs_had_overthinking_is_read_and_goes_on(tmp_path: Path) -> None:
    path = save(tmp_path, go_on(fresh(), 2), identity())
    with safe_open(path, framework="pt") as file:
        meta, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    new = ("val_overthinking", "val_final_overthinking", "val_oracle")
    history = [{name: one for name, one in epoch.items() if name not in new} for epoch in json.loads(meta["history"])]
    save_file(tensors, path, metadata=meta | {"history": json.dumps(history)})
    loaded = fresh()
    assert load(tmp_path, loaded, identity())
    assert [record.val_overthinking for record in loaded.history] == [None, None]
    assert everything(go_on(loaded, 1)) == everything(go_on(fresh(), 3))


def test_a_damaged_copy_from_the_store_is_as_good_as_none(tmp_path: Path) -> None:
    """It was cut off on its way there; an own checkpoint that is damaged is another matter."""
    saved = save(tmp_path, go_on(fresh(), 1), identity())
    saved.rename(tmp_path / STORED_CHECKPOINT)
    assert load(tmp_path, fresh(), identity())
    (tmp_path / NAME).unlink()  # the copy became the folder's own
    whole = (tmp_path / STORED_CHECKPOINT).read_bytes()
    (tmp_path / STORED_CHECKPOINT).write_bytes(whole[:-10])
    assert not load(tmp_path, fresh(), identity())
    (tmp_path / NAME).write_bytes(whole[:-10])
    with pytest.raises(ValueError, match="readable checkpoint"):
        load(tmp_path, fresh(), identity())
    (tmp_path / STORED_CHECKPOINT).write_bytes(whole)
    assert load(tmp_path, fresh(), identity())


def test_of_several_checkpoints_the_one_that_got_furthest_counts(tmp_path: Path) -> None:
    """Another machine was at the run meanwhile, and sent copies to the store."""
    further = go_on(fresh(), 2)
    save(tmp_path, further, identity()).rename(tmp_path / STORED_CHECKPOINT)
    save(tmp_path, go_on(fresh(), 1), identity())
    found = fresh()
    assert load(tmp_path, found, identity())
    assert everything(found) == everything(further)


@pytest.mark.parametrize(
    "tensor, meta, why",
    [
        ({}, {"history": "[" * 3000}, "its record of epochs is not valid"),
        ({}, {"history": "3"}, "its record of epochs is not valid"),
        ({}, {"history": '[{"epoch": 1}]'}, "its record of epochs is not valid"),
        ({}, {"run_key": "other"}, "belongs to run other, not to run"),
        ({"momentum/nowhere": torch.zeros(3)}, {}, "is of another network: it has momentum of nowhere"),
        ({"momentum/exits.0.2.weight": torch.zeros(3)}, {}, "is of another network: it has momentum of exits"),
        ({"network/more": torch.zeros(3)}, {}, "is of another network"),
        ({BIAS: torch.zeros(3, dtype=torch.float64)}, {}, "bias is torch.float64, expected torch.float32"),
        ({BIAS: torch.zeros(3, dtype=torch.int64)}, {}, "bias is torch.int64, expected torch.float32"),
        ({f"momentum/{BIAS[8:]}": torch.zeros(3, dtype=torch.float64)}, {}, "is of another network: it has momentum"),
        ({"network/more": torch.zeros(1).expand(30_000_000)}, {}, "bytes, more than .*, and so is of another network"),
    ],
)
def test_a_checkpoint_of_another_form(
    tmp_path: Path, tensor: dict[str, torch.Tensor], meta: dict[str, str], why: str
) -> None:
    path = save(tmp_path, go_on(fresh(), 1), identity())
    with safe_open(path, framework="pt") as file:
        said = {**(file.metadata() or {}), **meta}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    tensors |= {name: one.contiguous() for name, one in tensor.items()}
    save_file(tensors, path, metadata={**said, "digest": _digest(tensors)})
    with pytest.raises(ValueError, match=why):
        load(tmp_path, fresh(), identity())


def test_weights_that_are_no_numbers_classify_nothing(tmp_path: Path) -> None:
    state = go_on(fresh(), 1)
    with torch.no_grad():
        next(state.network.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match="has weights that are no numbers"):
        load_trained(save(tmp_path, state, identity()), fresh().network, "run")


def test_a_type_that_no_checkpoint_has_is_one_sentence(tmp_path: Path) -> None:
    path = save(tmp_path, go_on(fresh(), 1), identity())
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        said = file.metadata()
    save_file(tensors | {BIAS: tensors[BIAS].bfloat16()}, path, metadata=said)
    with pytest.raises(ValueError, match=r"exits.0.classify.bias is torch.bfloat16"):
        load_trained(path, fresh().network, "run")
