"""Modules of a person's own, in tests: written to a folder, importable until the test ends."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from overthink.plugins import modules, source

EXAMPLE = Path(__file__).parents[2] / "examples" / "own-network"
NETWORKS = """
from torch import nn


class Two(nn.Module):
    def __init__(self, channels=4, width=4, classes=10):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(True))
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.heads = nn.ModuleList(nn.Linear(width, classes) for _ in range(2))

    def forward(self, x):
        maps = [self.first(x)]
        maps.append(self.second(maps[0]) + maps[0])
        return [head(m.mean((2, 3))) for head, m in zip(self.heads, maps)]


class One(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 10)

    def forward(self, x):
        return self.last(x.mean((2, 3)))


class Narrow(One):
    def forward(self, x):
        return [self.last(x.mean((2, 3)))[:, :9]]


class Shared(Two):
    def __init__(self):
        super().__init__()
        self.heads[1].weight = self.heads[0].weight


class Raises(Two):
    def forward(self, x):
        raise KeyError("no such map")


class Normed(Two):
    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)

    def forward(self, x):
        return super().forward(self.norm(x))


class Same(One):
    def forward(self, x):
        logits = self.last(x.mean((2, 3)))
        return logits, 2 * logits


class Costed(Same):
    costs = [40, 50]

    def mul_adds(self, input_shape):
        return self.costs


class Stepping(Two):
    def __init__(self, fault="none"):
        super().__init__()
        self.fault = fault

    def step(self, exit, state):
        if self.fault == "raises":
            raise KeyError("no such map")
        if self.fault == "logits alone":
            return self.heads[0](state.mean((2, 3)))
        if self.fault == "a list as state":
            return self.heads[0](self.first(state).mean((2, 3))), [1, 2]
        maps = self.first(state) if exit == 1 else self.second(state) + state
        head = self.heads[exit - 1 if self.fault != "the first layer" else 0]
        return head(maps.mean((2, 3)))[:, : 9 if self.fault == "narrow" else 10], maps


class Frozen(Two):
    def forward(self, x):
        first, second = super().forward(x)
        return first.detach(), second
"""


def clean_plugins(folder: Path) -> Iterator[None]:
    """Forget what is named, and the modules that lie in a folder, before and after a test."""
    before, path = set(sys.modules), list(sys.path)
    modules.forget()
    sys.path.insert(0, str(folder))
    yield
    modules.forget()
    sys.path[:] = path
    for name in set(sys.modules) - before:
        file = str(getattr(sys.modules[name], "__file__", None) or "")
        if file.startswith((str(folder), str(EXAMPLE))):
            del sys.modules[name]
    source._text.cache_clear()


def folder_of_plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder whose modules can be imported, with no plug-in named before or after."""
    monkeypatch.chdir(folder)
    for _ in clean_plugins(folder):
        yield folder


def folder_of_networks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder with `nets.py`, beside the example package, and with no plug-in named before or after."""
    monkeypatch.syspath_prepend(EXAMPLE)
    (folder / "nets.py").write_text(NETWORKS)
    yield from folder_of_plugins(folder, monkeypatch)
