"""What a served network makes of requests, and of the plug-ins that a person has named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overthink.plugins.modules import name_modules
from overthink.running import serving
from overthink.running.serving import ServedNetwork, model_code, write_network
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from support.plugins import folder_of_networks
from support.two_exits import TwoExits, two_exits


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TwoExits:
    return two_exits(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def network(store: Store, trained: TwoExits, tmp_path: Path) -> ServedNetwork:
    trained.stored(store)
    folder = tmp_path / "network"
    folder.mkdir()
    write_network(store, all_runs(store)[0], folder)
    return ServedNetwork.read(folder)


def fractions(trained: TwoExits) -> np.ndarray[Any, Any]:
    return trained.test_images / 255


def test_pixels_are_those_of_files(network: ServedNetwork, trained: TwoExits) -> None:
    """A fraction with four digits is nearest to the level that it is of, so answers are the same bits."""
    exact = network.answer(fractions(trained))
    assert network.answer(fractions(trained).round(4)) == exact
    assert network.answer(fractions(trained).astype(np.float32)) == exact
    assert {answer.exit for answer in exact} == {2}


def test_a_budget_is_that_of_the_lookup_table(network: ServedNetwork, trained: TwoExits) -> None:
    for criterion in ("max-softmax", "entropy", "top2-ratio", "patience"):
        table = trained.table(criterion)
        most = float(np.median(table.mean_cost_P))
        limits = table.threshold_PE[table.fitting(most), :-1].tolist()
        by_thresholds = network.answer(fractions(trained), criterion, limits)
        assert network.answer(fractions(trained), criterion, budget=most) == by_thresholds


def test_files_of_an_earlier_version_are_read(network: ServedNetwork, trained: TwoExits, tmp_path: Path) -> None:
    most = float(np.median(trained.table("top2-ratio").mean_cost_P))
    now = network.answer(fractions(trained), "top2-ratio", budget=most)
    (tmp_path / "network" / "thresholds-top2-ratio.json").rename(tmp_path / "network" / "thresholds-top2_ratio.json")
    assert network.answer(fractions(trained), "top2_ratio", budget=most) == now


@pytest.mark.parametrize(
    "options, said",
    [
        ({"criterion": "margin"}, r"criterion must be one of max-softmax, .* got 'margin'"),
        ({"thresholds": [0.1, 0.2]}, "thresholds: expected one for all exits or 1, got 2"),
        ({"thresholds": [float("nan")]}, "thresholds"),
        ({"thresholds": [0.1], "budget": 1e9}, "exclude each other"),
        ({"budget": 1.0}, "below the cost of the cheapest thresholds"),
        ({"budget": float("nan")}, "below the cost of the cheapest thresholds"),
    ],
)
def test_arguments_that_do_not_fit(network: ServedNetwork, trained: TwoExits, options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        network.answer(fractions(trained), **options)


@pytest.mark.parametrize("pixel", [1.5, -0.1, float("nan"), float("inf")])
def test_pixels_that_are_no_fractions(network: ServedNetwork, trained: TwoExits, pixel: float) -> None:
    images_NKHW = fractions(trained)
    images_NKHW[3, 0, 0, 0] = pixel
    with pytest.raises(ValueError, match="pixels must be fractions from 0 to 1"):
        network.answer(images_NKHW)
    with pytest.raises(ValueError, match="no images"):
        network.answer(images_NKHW[:0])


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_networks(tmp_path, monkeypatch)


@pytest.mark.usefixtures("nets")
def test_the_code_of_a_model_imports_the_plug_ins_that_were_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name_modules(["nets"])
    code = model_code()
    assert "name_modules(('nets',))" in code
    compile(code, "model_code.py", "exec")
    monkeypatch.setattr(serving, "named_modules", tuple)
    assert "name_modules(())" in model_code()
