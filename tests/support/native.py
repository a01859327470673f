"""Native kernels in tests: an obstacle of the test's own, and none of their arithmetic: such runs train by torch."""

from collections.abc import Callable
from typing import Any

import pytest

from overthink.networks import availability
from overthink.networks.kernels import TORCH
from overthink.running import gpu_drivers

SETTINGS = {
    "compiler": "g++ 13.2.0",
    "flags": "-O3 -march=x86-64-v4",
    "instruction_set": "x86-64-v4",
    "source_sha256": "0" * 64,
    "images_per_block": "64",
}


class Native:
    """Stands in for `native_obstacle`, and counts its calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.obstacle: str | None = None
        self.calls: list[tuple[Any, ...]] = []
        self.settings = dict(SETTINGS)
        monkeypatch.delenv("OVERTHINK_KERNELS", raising=False)
        monkeypatch.setattr(gpu_drivers, "has_gpu", lambda: False)
        monkeypatch.setattr(gpu_drivers, "GPU_FILES", ())
        monkeypatch.setattr(availability, "native_obstacle", self)
        monkeypatch.setattr(availability, "native_kernels", lambda *_asked: TORCH)
        monkeypatch.setattr(availability, "native_settings", lambda _batch_size: self.settings)

    def __call__(self, *asked: Any, on_message: Callable[[str], None] | None = None) -> str | None:
        self.calls.append(asked)
        return self.obstacle
