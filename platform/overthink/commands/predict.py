"""`overthink predict`: classify image files with a stored run, each no further than it takes."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torch import Tensor

from overthink.commands.budget import table_of
from overthink.commands.chosen import the_run
from overthink.data.batches import Samples
from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import RunDefinition, parse_run
from overthink.exits import OK
from overthink.inference.exiting import EarlyExit
from overthink.networks.cost import mul_adds
from overthink.networks.folding import folded
from overthink.restored import Restored, restored
from overthink.tracking import tags
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun
from overthink.training.regime import OWN_CHECKPOINT

BATCH = 256


class PredictOptions(NamedTuple):
    """What the command line said."""

    threshold: float | None
    """A fraction: an exit that is at least so sure is the last."""
    budget: float | None
    """MUL-ADDs an image, on average."""
    data_root: Path | None
    as_json: bool


def predict(name: str, files: Sequence[Path], options: PredictOptions, console: Console) -> int:
    """Print each file's class, the exit it left at and what that cost."""
    if options.threshold is not None and options.budget is not None:
        raise DefinitionError("--threshold and --budget are two ways to say one thing: give one of them")
    store = Store()
    run = the_run(store, name)
    definition, (network, inputs) = fetch(store, run, options.data_root)
    images_NKHW = torch.from_numpy(np.stack([definition.dataset.read_image(path) for path in files]))
    limits = _thresholds(store, run, network.n_exits, options)
    early = EarlyExit(folded(network), limits)
    cost_E = mul_adds(network, definition.dataset.input_shape)
    rows: list[dict[str, Any]] = [
        {
            "file": str(path),
            "class": inputs.classes[label],
            "confidence": sure,
            "exit": row + 1,
            "mul_adds": cost_E[row],
        }
        for path, (label, row, sure) in zip(files, _predicted(early, images_NKHW, inputs.mean, inputs.std), strict=True)
    ]
    mean_cost = sum(row["mul_adds"] for row in rows) / len(rows)
    if options.as_json:
        said = [None if value == np.inf else value for value in limits[:-1]]
        head = {"run_id": run.run_id, "thresholds": said, "mul_adds_per_image": mean_cost}
        typer.echo(json.dumps({**head, "images": rows}, indent=2))
        return OK
    Console(highlight=False).print(_table(rows))
    console.print(
        f"{len(rows)} images, {mean_cost / 1e6:.2f} M MUL-ADDs each; {cost_E[-1] / 1e6:.2f} M to the last exit."
    )
    return OK


def fetch(store: Store, run: StoredRun, data_root: Path | None) -> tuple[RunDefinition, Restored]:
    """Return a stored run's definition, and its network."""
    with TemporaryDirectory() as folder:
        text = store.artifact(run.run_id, tags.DEFINITION_FILE, Path(folder)).read_text()
        checkpoint = store.artifact(run.run_id, f"checkpoint/{OWN_CHECKPOINT}", Path(folder))
        definition = parse_run(text, f"{tags.DEFINITION_FILE} of run {run.run_id}")
        return definition, restored(definition, checkpoint, data_root)


def normalised(images_NKHW: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Return uint8 images as training saw them."""
    mean_K, std_K = torch.tensor(mean), torch.tensor(std)
    return Samples(images_NKHW, torch.empty(0), mean_K, std_K).normalise(images_NKHW)


def _thresholds(store: Store, run: StoredRun, n_exits: int, options: PredictOptions) -> list[float]:
    if options.budget is not None:
        table = table_of(store, run, "max_softmax")
        limits: list[float] = table.threshold_PE[table.fitting(options.budget)].tolist()
        return limits
    return [np.inf if options.threshold is None else options.threshold] * n_exits


def _predicted(
    early: EarlyExit, images_NKHW: Tensor, mean: Sequence[float], std: Sequence[float]
) -> list[tuple[int, int, float]]:
    parts = [early(normalised(images_BKHW, mean, std)) for images_BKHW in images_NKHW.split(BATCH)]
    return [
        answer
        for part in parts
        for answer in zip(part.predicted_B.tolist(), part.exit_B.tolist(), part.confidence_B.tolist(), strict=True)
    ]


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("file", "class", "confidence", "exit", "MUL-ADDs"):
        table.add_column(title, justify="left" if title in ("file", "class") else "right", overflow="fold")
    for row in rows:
        confidence, cost = f"{100 * row['confidence']:.1f}%", f"{row['mul_adds'] / 1e6:.2f} M"
        table.add_row(Text(row["file"]), Text(row["class"]), confidence, str(row["exit"]), cost)
    return table
