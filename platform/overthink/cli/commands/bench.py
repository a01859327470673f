"""`overthink bench`: how much faster a stored run's early exits are than its full forward pass, on this machine."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overthink.cli.commands.chosen import the_run
from overthink.cli.commands.predict import fetch, normalised
from overthink.cli.exit_codes import OK
from overthink.data.catalogue import load_dataset
from overthink.data.digits import default_root
from overthink.definition.run_definition import RunDefinition
from overthink.inference.speed import Timing, speeds
from overthink.report.safe_text import print_text
from overthink.store.client import Store
from overthink.training.checkpoint import DataInfo

FEWEST = 100
"""Images, so that exits get the shares they should, also where batches are small."""


class BenchOptions(NamedTuple):
    """What the command line said."""

    batches: tuple[int, ...]
    rounds: int
    threads: int
    data_root: Path | None
    as_json: bool


def bench(name: str, options: BenchOptions, console: Console) -> int:
    """Print latency, throughput and speedup of each way to go through images, for each batch size."""
    store = Store()
    run = the_run(store, name)
    definition, (network, inputs) = fetch(store, run, options.data_root)
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    most = max(_count(batch) for batch in options.batches)
    images_NKHW, source = _images(definition, inputs, most, options.data_root)
    print_text(console, f"{run.name}: {torch.get_num_threads()} threads, {options.rounds} rounds, {source}")
    timings = [
        timing
        for batch in options.batches
        for timing in speeds(network, images_NKHW[: _count(batch)], batch, options.rounds)
    ]
    if options.as_json:
        head = {"run_id": run.run_id, "threads": torch.get_num_threads(), "rounds": options.rounds, "images": source}
        typer.echo(json.dumps({**head, "timings": [timing._asdict() for timing in timings]}, indent=2))
    else:
        Console(highlight=False).print(_table(timings))
    return OK


def _count(batch: int) -> int:
    """Return the least number of images that is enough, in whole batches."""
    return -(-max(FEWEST, batch) // batch) * batch


def _images(
    definition: RunDefinition, inputs: DataInfo, count: int, data_root: Path | None
) -> tuple[torch.Tensor, str]:
    """Return normalised images, again and again from the start where there are too few, and what they are."""
    if definition.dataset.is_here(data_root or default_root()):
        test = load_dataset(definition.dataset, data_root).test
        rows = torch.arange(count) % len(test.images_NKHW)
        return normalised(torch.from_numpy(test.images_NKHW)[rows], inputs), "test images"
    shape = count, *definition.dataset.input_shape
    noise_NKHW = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return normalised(noise_NKHW, inputs), "noise (the data set is not here)"


def _table(timings: Sequence[Timing]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("batch", "way", "ms a batch", "images/s", "speedup", "% leaving at exits"):
        table.add_column(title, justify="left" if title == "way" else "right")
    for timing in timings:
        table.add_row(
            str(timing.batch),
            timing.way,
            f"{1000 * timing.seconds_per_batch:.2f}",
            f"{timing.images_per_second:,.0f}",
            f"{timing.speedup:.2f}",
            " ".join(f"{100 * share:.0f}" for share in timing.share_E),
        )
    return table
