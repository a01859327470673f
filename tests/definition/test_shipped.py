"""Every shipped definition resolves, says how to run it, and builds its network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from overthink.data.max_min_mnist import MaxMinMnistSpec
from overthink.definition.loading import load_experiment
from overthink.definition.source import SWEEPS, find
from overthink.sweep.definition import load_sweep

SHIPPED = sorted((Path(__file__).parents[2] / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_definition_is_whole(path: Path) -> None:
    loaded = load_experiment(path)
    assert loaded.experiment.name == path.stem
    opening = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert f"overthink run {path.stem}" in "\n".join(opening)
    for group in loaded.groups:
        dataset = group.definition.dataset
        network = group.definition.network.build(dataset.input_shape, dataset.n_classes, torch.Generator())
        logits = network.eval()(torch.zeros(1, *dataset.input_shape))
        assert [tuple(of_exit.shape) for of_exit in logits] == [(1, dataset.n_classes)] * network.n_exits


def test_the_thesis_definitions_have_the_thesis_numbers() -> None:
    by_name = {path.stem: load_experiment(path).experiment for path in SHIPPED}
    long = by_name["mmm-200-epochs"]
    assert isinstance(long.dataset, MaxMinMnistSpec)
    assert (long.dataset.train, long.dataset.test, long.validation) == (100_000, 18_000, 0.2)
    (phase,) = long.regime
    assert (phase.epochs, phase.lr, phase.drops, phase.batch_size) == (200, 0.1, (75, 150), 64)
    assert by_name["mmm-5-epochs"].regime[0].epochs == 5
    assert {entry.metric for entry in by_name["mmm-5-epochs"].reported} == {
        "val/oracle/accuracy",
        "test/oracle/accuracy",
    }


def test_keys_are_those_of_the_runs_that_people_have() -> None:
    """A changed key trains finished runs again, and begins a sweep anew."""
    known = json.loads((Path(__file__).parent / "shipped_keys.json").read_text())
    for name, keys in known.items():
        if name.startswith("sweep/"):
            assert load_sweep(find(name.removeprefix("sweep/"), SWEEPS)).study_name == keys
        else:
            groups = load_experiment(name).groups
            assert {group.variant: [group.definition.key, group.runs[0].key] for group in groups} == keys


def test_definitions_load_without_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from overthink.definition.loading import load_experiment; "
        f"load_experiment(Path({str(SHIPPED[0])!r})); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"
