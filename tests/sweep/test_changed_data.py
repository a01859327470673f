"""Trials of one sweep on data that were exchanged between two calls."""

from pathlib import Path
from typing import Any

import numpy as np

from overthink.launching.outcomes import Options
from overthink.running import run_data
from overthink.store.client import Store
from overthink.sweep.storage import storage_uri
from overthink.sweep.sweeping import sweep
from support.data_files import images
from support.engines import ReplayingEngine
from support.small_sweep import RecordingListener, tiny_sweep


class Messages(RecordingListener):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def on_message(self, message: str) -> None:
        self.messages.append(message)


def npz(folder: Path, seed: int) -> dict[str, Any]:
    arrays: dict[str, Any] = {"x_train": images(12, 3, 8, 8, seed=seed), "x_test": images(4, 3, 8, 8, seed=9)}
    np.savez(folder / "mine.npz", **arrays, y_train=np.arange(12) % 2, y_test=np.arange(4) % 2)
    return {"kind": "npz", "path": str(folder / "mine.npz"), "shape": [3, 8, 8], "classes": 2}


def swept(folder: Path, store: Store, trials: int, dataset: dict[str, Any]) -> list[str]:
    network = {"kind": "msdnet", "blocks": 2, "scales": 1, "channels": 4, "growth": 2, "head_channels": 8}
    of = {"regime": [{"epochs": 1, "batch_size": 8}], "network": network, "dataset": dataset, "augment": None}
    listener = Messages()
    run_data._dataset.cache_clear()
    loaded = tiny_sweep(folder, of, trials=trials, space={"regime.0.lr": {"choice": [0.01, 0.1]}})
    sweep(loaded, store, storage_uri(), Options(), listener, ReplayingEngine())
    return [message for message in listener.messages if "DIFFERENT DATA" in message]


def test_a_sweep_says_that_its_earlier_trials_saw_other_data(store: Store, tmp_path: Path) -> None:
    data = npz(tmp_path, seed=0)
    assert swept(tmp_path, store, 1, data) == []
    assert swept(tmp_path, store, 2, data) == []
    npz(tmp_path, seed=1)
    (sentence,) = swept(tmp_path, store, 3, data)
    assert sentence.startswith("tiny-sweep: 2 runs: DIFFERENT DATA: finished on other data (SHA-256 ")
    assert sentence.endswith("; a sweep of another name begins anew.")
