from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from overthink.data.catalogue import DATASETS
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import parse_run
from overthink.metrics.catalogue import CATALOGUE, describe, plugged_metrics
from overthink.networks.catalogue import NETWORKS
from overthink.plugins import modules
from overthink.plugins.modules import PluginError, name_modules, object_at
from overthink.plugins.source import source_of
from support.plugins import EXAMPLE, folder_of_plugins
from support.small import small

SPEC = """
from typing import Literal
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.metrics.metric import Metric

class OtherSpec(MSDNetSpec):
    kind: Literal["other"]

MINE = Metric("mine/last", "Mine", "ours", "higher", lambda p: float(p.correct_EN[-1].mean()))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_plugins(tmp_path, monkeypatch)


def write(folder: Path, name: str, text: str = SPEC) -> None:
    (folder / f"{name}.py").write_text(text)


OTHER = {"kind": "other", "blocks": 3, "channels": 4, "growth": 2, "head_channels": 8}


def test_a_named_module_has_kinds_and_metrics(folder: Path) -> None:
    write(folder, "mine_a")
    with pytest.raises(
        DefinitionError, match=r"network: unknown kind 'other'; known kinds: 'msdnet', 'resnet', 'sdn', 'torch"
    ):
        small(folder, network=OTHER)
    loaded = small(folder, network=OTHER, plugins=["mine_a"])
    (group,) = loaded.groups
    assert type(group.definition.network).__name__ == "OtherSpec"
    assert list(plugged_metrics()) == ["mine/last"]
    assert describe("mine/last").title == "Mine"
    with pytest.raises(DefinitionError, match=r"network\.blokcs: unknown key 'blokcs'; did you mean 'blocks'"):
        small(folder, network=OTHER | {"blokcs": 3})


def test_the_source_is_part_of_the_key_and_a_worker_compares_it(folder: Path) -> None:
    write(folder, "mine_b")
    (group,) = small(folder, network=OTHER, plugins=["mine_b"]).groups
    run = group.runs[0]
    text = run.model_dump_json()
    assert '"plugin":"mine_b (sha256:' in text
    assert parse_run(text, "worker").key == run.key
    with pytest.raises(DefinitionError, match=r"network: plugin: it was made with mine_b \(sha256:0000"):
        parse_run(text.replace("sha256:", "sha256:0000"), "worker")
    modules.forget()
    with pytest.raises(DefinitionError, match=r"kind 'other' is of the plug-in mine_b .* add --plugin MODULE"):
        parse_run(text, "worker")


def test_two_of_one_kind(folder: Path) -> None:
    write(folder, "mine_c")
    write(folder, "mine_d", SPEC.replace("mine/last", "mine/other"))
    with pytest.raises(DefinitionError, match=r"two plug-ins have networks of kind other: module mine_c .* mine_d"):
        small(folder, network=OTHER, plugins=["mine_c", "mine_d"])
    modules.forget()
    write(folder, "mine_f", SPEC.replace('"other"', '"msdnet"'))
    with pytest.raises(DefinitionError, match=r"plugins: module mine_f: OtherSpec has kind msdnet, which is built in"):
        small(folder, plugins=["mine_f"])
    modules.forget()
    write(folder, "mine_e", SPEC.replace('"mine/last"', '"accuracy/last"'))
    name_modules(["mine_e"])
    with pytest.raises(PluginError, match=r"two plug-ins have metric accuracy/last: the package and module mine_e"):
        plugged_metrics()


@pytest.mark.parametrize(
    "text, said",
    [
        ("1 / 0", "plug-in bad raised ZeroDivisionError as it was imported: division by zero"),
        ("import sys; sys.exit(3)", "plug-in bad raised SystemExit as it was imported: 3"),
        ("import nowhere_at_all", "plug-in bad: No module named 'nowhere_at_all'"),
        (None, "plug-in bad: no such module in"),
    ],
)
def test_a_plugin_that_cannot_be_imported(folder: Path, text: str | None, said: str) -> None:
    if text is not None:
        write(folder, "bad", text)
    with pytest.raises(DefinitionError, match=f"small.yaml: plugins: {said}"):
        small(folder, plugins=["bad"])
    with pytest.raises(DefinitionError, match=r"plugins: expected a list of modules"):
        small(folder, plugins=["../bad"])


def test_nothing_is_imported_that_nobody_named(folder: Path) -> None:
    write(folder, "quiet", "from pathlib import Path\nPath('imported').touch()\nclass Net: pass\n")
    with pytest.raises(PluginError, match=r"quiet:Net is not imported, .* add --plugin quiet"):
        object_at("quiet:Net")
    assert not (folder / "imported").exists()
    name_modules(["quiet"])
    assert object_at("quiet:Net").__name__ == "Net"
    with pytest.raises(PluginError, match=r"module quiet has no Other"):
        object_at("quiet:Other")


def test_entry_points(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by name and imported only when a definition has their kind."""
    monkeypatch.syspath_prepend(EXAMPLE)
    (folder / "broken.py").write_text("raise RuntimeError('no')")
    points = {
        "overthink.networks": [
            EntryPoint("plain-cnn", "own_network.network:PlainCnnSpec", "overthink.networks"),
            EntryPoint("broken", "broken:Spec", "overthink.networks"),
            EntryPoint("gone", "own_network.network:Gone", "overthink.networks"),
            EntryPoint("wrong", "own_network.network:PlainCnnSpec", "overthink.networks"),
        ],
        "overthink.datasets": [EntryPoint("stripes", "own_network.dataset:StripesSpec", "overthink.datasets")],
        "overthink.metrics": [EntryPoint("worst-exit", "own_network.metric:WORST_EXIT", "overthink.metrics")],
    }
    monkeypatch.setattr(modules, "entry_points", lambda group: points.get(group, []))
    (group,) = small(folder, network={"kind": "plain-cnn"}, dataset={"kind": "stripes"}, augment={}).groups
    assert (group.definition.network.label, group.definition.dataset.n_classes) == ("plain-cnn 3x8", 2)
    assert NETWORKS.known() == [*"msdnet resnet sdn torch torchvision".split(), "plain-cnn", "broken", "gone", "wrong"]
    assert [kind for kind, _ in DATASETS.plugged()] == ["stripes"]
    assert list(plugged_metrics()) == ["accuracy/worst"]
    for kind, said in {
        "broken": "raised RuntimeError as it was imported: no",
        "gone": "module own_network.network has no Gone",
        "wrong": "wrong is no AbstractNetworkSpec with kind 'wrong'",
    }.items():
        with pytest.raises(DefinitionError, match=said):
            small(folder, network={"kind": kind})


def test_what_a_source_is(folder: Path) -> None:
    """A file of its own, every file of a package, and the version of a distribution."""
    write(folder, "alone", "X = 1")
    (folder / "packed").mkdir()
    (folder / "packed" / "__init__.py").write_text("")
    (folder / "packed" / "helper.py").write_text("Y = 1")
    name_modules(["alone", "packed", "packed.helper"])
    alone, packed, helper = (source_of(modules._named[name]).text for name in ("alone", "packed", "packed.helper"))
    assert alone.startswith("sha256:")
    assert packed == helper != alone
    assert source_of(pytest).text == f"pytest=={pytest.__version__}"
    assert modules.used() == {"alone": alone, "packed": packed, "packed.helper": helper}


def test_built_in_metrics_are_not_shadowed() -> None:
    assert plugged_metrics() == {}
    assert describe("accuracy/last") in CATALOGUE


def test_an_editor_s_lock_in_a_package_is_no_source(folder: Path) -> None:
    (folder / "mine_package").mkdir()
    write(folder / "mine_package", "__init__")
    (folder / "mine_package" / ".#net.py").symlink_to("ann@laptop.1234")
    small(folder, network=OTHER, plugins=["mine_package"])
