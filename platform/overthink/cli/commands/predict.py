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
from torch import Tensor

from overthink.cli.commands.budget import table_of
from overthink.cli.commands.chosen import the_run
from overthink.cli.exit_codes import OK
from overthink.data.batches import Samples
from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.inference.exiting import EarlyExit
from overthink.networks.cost import mul_adds
from overthink.networks.folding import folded
from overthink.predictions.softmax import max_softmax
from overthink.report.safe_text import escape_for_terminal
from overthink.running.restored import Restored, restored
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.training.checkpoint import DataInfo
from overthink.training.regime import OWN_CHECKPOINT

BATCH = 256


class PredictOptions(NamedTuple):
    """What the command line said."""

    threshold: float | None
    """A fraction: an exit that is at least so sure is the last."""
    budget: float | None
    """MUL-ADDs an image, on average."""
    patience: int | None
    """Exits in a row: once so many agree, the image leaves."""
    data_root: Path | None
    as_json: bool


class Answer(NamedTuple):
    """What became of one file."""

    file: str
    label: str
    confidence: float
    """The largest softmax value of the exit."""
    exit: int
    mul_adds: int

    def as_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"class" if name == "label" else name: value for name, value in self._asdict().items()}


def predict(name: str, files: Sequence[Path], options: PredictOptions, console: Console) -> int:
    """Print each file's class, the exit it left at and what that cost."""
    if sum(value is not None for value in (options.threshold, options.budget, options.patience)) > 1:
        raise DefinitionError("--threshold, --budget and --patience are ways to say one thing: give one of them")
    if absent := [path for path in files if not path.is_file()]:
        raise DefinitionError(f"{absent[0]}: no such file")
    store = Store()
    run = the_run(store, name)
    definition, trained = fetch(store, run, options.data_root)
    limits = _thresholds(store, run, trained.network.n_exits, options)
    cost_E = mul_adds(trained.network, definition.dataset.input_shape)
    early = EarlyExit(folded(trained.network), limits, "max_softmax" if options.patience is None else "patience")
    answers = _answers(files, definition, early, trained.data_info, cost_E)
    mean_cost = sum(answer.mul_adds for answer in answers) / len(answers)
    if options.as_json:
        said = [None if value == np.inf else value for value in limits[:-1]]
        head = {"run_id": run.run_id, "thresholds": said, "mul_adds_per_image": mean_cost}
        typer.echo(json.dumps({**head, "images": [answer.as_plain() for answer in answers]}, indent=2))
        return OK
    Console(highlight=False).print(_table(answers))
    console.print(
        f"{len(answers)} images, {mean_cost / 1e6:.2f} M MUL-ADDs each; {cost_E[-1] / 1e6:.2f} M to the last exit."
    )
    return OK


def fetch(store: Store, run: StoredRun, data_root: Path | None) -> tuple[RunDefinition, Restored]:
    """Return a stored run's definition, and its network."""
    with TemporaryDirectory() as folder:
        text = store.text(run.run_id, tags.DEFINITION_FILE)
        checkpoint = store.artifact(run.run_id, f"checkpoint/{OWN_CHECKPOINT}", Path(folder))
        definition = parse_run(text, f"{tags.DEFINITION_FILE} of run {run.run_id}")
        return definition, restored(definition, checkpoint, data_root)


def normalised(images_NKHW: Tensor, inputs: DataInfo) -> Tensor:
    """Return uint8 images as training saw them."""
    mean_K, std_K = torch.tensor(inputs.mean), torch.tensor(inputs.std)
    return Samples(images_NKHW, torch.empty(0), mean_K, std_K).normalise(images_NKHW)


def _thresholds(store: Store, run: StoredRun, n_exits: int, options: PredictOptions) -> list[float]:
    if options.budget is not None:
        table, _ = table_of(store, run, "max_softmax")
        limits: list[float] = table.threshold_PE[table.fitting(options.budget)].tolist()
        return limits
    limit = options.patience if options.patience is not None else options.threshold
    return [np.inf if limit is None else float(limit)] * n_exits


def _answers(
    files: Sequence[Path], definition: RunDefinition, early: EarlyExit, inputs: DataInfo, cost_E: Sequence[int]
) -> list[Answer]:
    answers: list[Answer] = []
    for first in range(0, len(files), BATCH):
        some = files[first : first + BATCH]
        images_BKHW = torch.from_numpy(np.stack([definition.dataset.read_image(path) for path in some]))
        found = early(normalised(images_BKHW, inputs))
        sure_B = max_softmax(found.logits_BC.numpy())  # whatever the criterion: patience counts exits
        triples = zip(found.predicted_B.tolist(), sure_B.tolist(), found.exit_B.tolist(), strict=True)
        answers += [
            Answer(str(path), inputs.classes[label], sure, row + 1, cost_E[row])
            for path, (label, sure, row) in zip(some, triples, strict=True)
        ]
    return answers


def _table(answers: Sequence[Answer]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("file", "class", "confidence", "exit", "MUL-ADDs"):
        table.add_column(title, justify="left" if title in ("file", "class") else "right", overflow="fold")
    for answer in answers:
        confidence, cost = f"{100 * answer.confidence:.1f}%", f"{answer.mul_adds / 1e6:.2f} M"
        table.add_row(
            escape_for_terminal(answer.file), escape_for_terminal(answer.label), confidence, str(answer.exit), cost
        )
    return table
