"""Snapshots on their way back from a machine of a cluster: each before the epoch that it is of is reported."""

import json
from pathlib import Path

import pytest

from overthink.execution.jobs import Order
from overthink.execution.ray.driver import COMES_BACK
from overthink.execution.ray.files import File
from support.small import small


def test_a_snapshot_comes_back_before_its_epoch(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from overthink.execution.ray.task import train_there

    run = small(tmp_path, seeds=1, regime=[{"epochs": 2}], keep=[1]).groups[0].runs[0]
    order = Order(run.model_dump_json(), str(tmp_path), "cpu", None, None, checkpoint_seconds=1000)
    names = [
        yielded.name if isinstance(yielded, File) else f"epoch {json.loads(yielded).get('epoch', '')}"
        for yielded in train_there(order, {})
    ]
    assert names[:4] == ["epoch ", "epoch-1.safetensors", "epoch 1", "epoch 2"]
    assert {*names[4:]} == {"checkpoint.safetensors", "test.parquet", "val.parquet", "epoch "}


@pytest.mark.parametrize("name, belongs", [("epoch-12.safetensors", True), ("test.parquet", True), ("epoch-x", False)])
def test_which_files_belong_to_a_run(name: str, belongs: bool) -> None:
    assert bool(COMES_BACK.fullmatch(name)) == belongs
    assert not COMES_BACK.fullmatch(f"../{name}")
