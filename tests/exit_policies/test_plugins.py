"""Exit policies of plug-ins."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from overthink.exit_policies.catalogue import BUILT_IN, named, plugged, policies
from overthink.plugins import modules
from overthink.plugins.modules import PluginError, name_modules
from support.plugins import folder_of_plugins
from support.random_exits import made_up

POLICY = """
from overthink.exit_policies.algorithm_1 import algorithm_1
from overthink.exit_policies.catalogue import BUILT_IN
from overthink.exit_policies.policy import ExitPolicy, Learned
from overthink.exit_policies.scoring import Score, Scorer


class LeastSure(Scorer):
    def step(self, row, seen, memory):
        return Score(1 - seen.max_softmax_M)


MINE = ExitPolicy("{name}", "Least sure first", lambda validation: [Learned(LeastSure())], algorithm_1, "mine")
NOT_MINE = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_plugins(tmp_path, monkeypatch)


def write(folder: Path, module: str, name: str) -> None:
    (folder / f"{module}.py").write_text(POLICY.replace("{name}", name))


def test_a_policy_of_a_named_module_is_used_as_any_other(folder: Path) -> None:
    write(folder, "policies_a", "least-sure")
    name_modules(["policies_a"])
    assert [(place, one.name) for place, one in plugged()] == [("module policies_a", "least-sure")]
    assert [*policies()] == [*(one.name for one in BUILT_IN), "least-sure"]
    validation = made_up(200, "val")
    point = named("least-sure").fit(validation).at(2500.0)
    assert point.offline(validation).cost_N.mean() <= 2500


def test_names_are_not_taken_twice(folder: Path) -> None:
    write(folder, "policies_b", "max-softmax")
    name_modules(["policies_b"])
    with pytest.raises(PluginError, match=r"module policies_b has an exit policy named max-softmax, and there is one"):
        policies()


def test_entry_points(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "policies_c", "other")
    monkeypatch.syspath_prepend(folder)
    points = [EntryPoint("other", "policies_c:MINE", "overthink.exit_policies")]
    monkeypatch.setattr(modules, "entry_points", lambda group: points if group.endswith("exit_policies") else [])
    assert named("other").title == "Least sure first"
    modules.forget()
    points[0] = EntryPoint("wrong", "policies_c:NOT_MINE", "overthink.exit_policies")
    with pytest.raises(PluginError, match="wrong is no ExitPolicy"):
        policies()
