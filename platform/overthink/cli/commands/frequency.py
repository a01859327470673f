"""`overthink frequency`: whether the images of each exit's samples differ in their frequencies."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overthink.cli.commands.chosen import chosen_runs
from overthink.cli.commands.images import dataset_of, definition_of
from overthink.cli.exit_codes import OK
from overthink.inference.frequency import ByExit, Scan, Spread, by_exit, needed_share
from overthink.policy.early_exit_data import rows_of
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.report.frequency_page import frequency_page, verdict
from overthink.report.safe_text import print_text
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import data_digests
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.writer import Writer


class FrequencyOptions(NamedTuple):
    """What the command line said."""

    scan: Scan
    power: int
    total: float
    data_root: Path | None
    as_json: bool

    def __str__(self) -> str:
        summed = "squared" if self.power == 2 else "by size"
        return f"{100 * self.total:g}% of the coefficients' total, summed {summed}, scanned by {self.scan}"


class _Shares(NamedTuple):
    """What the test images of a data set take."""

    ids_N: IntArray
    share_N: FloatArray


def frequency(names: Sequence[str], options: FrequencyOptions, console: Console) -> int:
    """Print, for each finished run, the shares of coefficients by exit; add the figure to the run."""
    store = Store()
    chosen = [run for run in chosen_runs(store, names) if not run.is_group and tags.TASK not in run.tags]
    runs = [run for run in newest_per_key(chosen).values() if run.outcome == tags.FINISHED]
    known: dict[tuple[str, ...], _Shares] = {}  # many seeds of one data set are transformed once
    answers = []
    for run in runs:
        data = run.tags.get(tags.part_key("dataset"), run.run_id), *data_digests(store, run.run_id)
        shares = known[data] = known.get(data) or _shares(store, run, options)
        info = _of_run(store, run, shares)
        text = frequency_page(run.name, f"Coefficients needed for {options}.", info)
        Writer(store).text(run.run_id, tags.FREQUENCY_PAGE, text)
        answers.append({"run_id": run.run_id, "name": run.name, **_as_plain(info)})
        if not options.as_json:
            _show(run.name, options, info, console)
    if options.as_json:
        typer.echo(json.dumps(answers, indent=2))
    said = f"The figures are in each run's artifact {tags.FREQUENCY_PAGE}." if runs else "No finished run to look at."
    console.print(said)
    return OK


def _shares(store: Store, run: StoredRun, options: FrequencyOptions) -> _Shares:
    test = dataset_of(store, run, options.data_root).test
    power: Literal[1, 2] = 2 if options.power == 2 else 1
    images_NKHW = definition_of(store, run).dataset.pictures(test.images_NKHW)
    return _Shares(test.ids_N, needed_share(images_NKHW, options.scan, power, options.total))


def _of_run(store: Store, run: StoredRun, shares: _Shares) -> ByExit:
    test = store.predictions(run.run_id, "test")
    return by_exit(shares.share_N[rows_of(shares.ids_N, test.ids_N, "test data")], test.correct_EN)


def _show(name: str, options: FrequencyOptions, info: ByExit, console: Console) -> None:
    print_text(console, f"{name}: {options}")
    Console(highlight=False).print(_table(info))
    print_text(console, verdict(info))


def _as_plain(info: ByExit) -> dict[str, object]:
    return {
        "right": [spread._asdict() for spread in info.right_E],
        "first_right": [spread._asdict() for spread in info.first_right_E],
        "nobody": info.never_right._asdict(),
        "cliffs_delta_to_exit_1": list(info.delta_E),
        "kruskal_wallis_p": info.p,
    }


def _table(info: ByExit) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("exit", "right", "needed, %", "first right", "needed, %", "delta to 1"):
        table.add_column(title, justify="right")
    rows = zip(info.right_E, info.first_right_E, info.delta_E, strict=True)
    for number, (right, first, delta) in enumerate(rows, start=1):
        said = "-" if delta is None else f"{delta:+.3f}"
        table.add_row(str(number), str(right.n), _said(right), str(first.n), _said(first), said)
    table.add_row("none", "", "", str(info.never_right.n), _said(info.never_right), "")
    return table


def _said(spread: Spread) -> str:
    if spread.mean is None:
        return "-"
    return f"{100 * spread.mean:.2f}" if spread.std is None else f"{100 * spread.mean:.2f} ± {100 * spread.std:.2f}"
