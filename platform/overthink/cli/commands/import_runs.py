"""`overthink import`: predictions of networks trained elsewhere become runs and groups like any others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.exported_runs import import_folder
from overthink.cli.import_options import UNITS, axes_of, command_of, costs_of, files_of, labels_of, seeds_of
from overthink.cli.new_name import check_new_name
from overthink.cli.output import log, print_json
from overthink.report.safe_text import print_text
from overthink.sentences import check_utf_8, number_of
from overthink.untrusted import name_of

if TYPE_CHECKING:
    from overthink.launching.importing import RunToImport
    from overthink.launching.predicted_runs import RunInStore
    from overthink.predictions.arrays import IntArray
    from overthink.predictions.columns import ColumnNames
    from overthink.predictions.importing import ExitCosts
    from overthink.seeds import Seeds


def _column(role: str, example: str) -> Any:
    return typer.Option(metavar="COLUMN", help=f"{role}: {example}.", rich_help_panel="Columns")


def import_runs(  # noqa: PLR0913, PLR0917 - an option each
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|DIR",
            help="Experiment to put the runs into, such as msdnet-paper; or a folder that overthink export wrote, "
            "with nothing else.",
        ),
    ],
    test: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Predictions on test data: .npz, .npy, .parquet, .csv, .tsv or .txt. One run a "
            "file where the name holds {seed}.",
        ),
    ] = None,
    val: Annotated[str | None, typer.Option(metavar="FILE", help="The same on validation data.")] = None,
    train: Annotated[str | None, typer.Option(metavar="FILE", help="The same on training data.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Number of the training. Default: 0.", min=0)] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="STREAM=N,...",
            help="Instead of --seed, seeds by stream: split=0,init=3; streams left out have that of init.",
        ),
    ] = None,
    variant: Annotated[str, typer.Option(metavar="NAME", help="Variant, where an experiment has several.")] = "base",
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Data set, such as cifar-100; where the file has no labels, they are taken "
            "from its test data, in their order.",
        ),
    ] = "",
    source: Annotated[str, typer.Option(metavar="TEXT", help="Where the predictions are from: URL or commit.")] = "",
    ids: Annotated[str | None, _column("Sample ids", "Sample")] = None,
    label: Annotated[str | None, _column("Labels", "label")] = None,
    level: Annotated[str | None, _column("Difficulty levels", "level")] = None,
    prediction: Annotated[str | None, _column("Predicted classes", "'Pred_Exit_{i}'")] = None,
    confidence: Annotated[str | None, _column("Confidences", "'Conf_Exit_{i}'")] = None,
    correct: Annotated[str | None, _column("Which exits are right, 0 or 1", "'Correct_Exit_{i}'")] = None,
    logits: Annotated[str | None, _column("Logits", "'logit_{i}_{c}', or one array")] = None,
    probabilities: Annotated[str | None, _column("Probabilities", "'p_{i}_{c}', or one array")] = None,
    exit_column: Annotated[
        str | None,
        typer.Option(
            "--exit",
            metavar="COLUMN",
            help="Number of the exit, where each sample has a row for each exit.",
            rich_help_panel="Columns",
        ),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(
            metavar="EN|NE",
            help="Order of exits and samples in arrays, where their sizes do not tell it.",
            rich_help_panel="Columns",
        ),
    ] = None,
    costs: Annotated[
        str | None, typer.Option(metavar="COST,...", help="Cost up to and including each exit, per sample.")
    ] = None,
    cost_unit: Annotated[
        str | None,
        typer.Option(
            metavar="UNIT",
            help="With --costs: their unit, MUL-ADDs (default), seconds, or relative (last exit: 1).",
        ),
    ] = None,
    no_logits: Annotated[bool, typer.Option("--no-logits", help="Store what follows from logits, not these.")] = False,
    data_root: options.DataRoot = None,
    as_json: options.Json = False,
) -> int:
    """Import predictions of networks trained elsewhere; compare, analyse, study and report then show them, too.

    Nothing is trained or unpickled. What a file does not tell stays unknown. Importing it again changes nothing.
    """
    if test is None:
        return import_folder(_folder(context, name), as_json)
    from overthink.predictions.columns import ColumnNames

    check_new_name(name, variant)
    for option, text in (("--source", source), ("--dataset", dataset)):
        check_utf_8(option, text)
    given = {"ids": ids, "label": label, "level": level, "prediction": prediction, "confidence": confidence}
    given |= {"correct": correct, "logits": logits, "probabilities": probabilities}
    names = ColumnNames(**given, axes=axes_of(axes), exit=exit_column)
    files = {"test": test, "val": val, "train": train}
    patterns = {split: pattern for split, pattern in files.items() if pattern is not None}
    at_costs, console = costs_of(costs, cost_unit), log()
    found = files_of(patterns, seeds_of(seed, seeds))
    labels_N = labels_of(dataset, data_root)
    if dataset and labels_N is None:
        print_text(console, f"No labels are taken from {dataset}: it is not on this machine (overthink data get).")
    runs = [
        _read(of_splits, its_seeds, names, at_costs, labels_N, not no_logits) for its_seeds, of_splits in found.items()
    ]
    from overthink.launching.importing import ImportedGroup
    from overthink.launching.importing import import_runs as imported
    from overthink.report.ui_views import ui_hint
    from overthink.store.client import Store

    shown = {
        "variant": variant if variant != "base" else "",
        "dataset": dataset,
        "source": source,
        **given,
        "exit": exit_column,
        "axes": axes,
    }
    shown |= {"costs": costs, "cost-unit": cost_unit if cost_unit != UNITS[0] else ""}
    store = Store()
    group = ImportedGroup(name, variant, dataset, source, command_of(name, patterns, seed, seeds, shown))
    done = imported(store, group, runs, lambda sentence: print_text(console, sentence))
    if as_json:
        print_json([one._asdict() for one in done])
    for sentence in _sentences(runs, done):
        print_text(console, sentence)
    console.print(ui_hint(store, done[0].experiment_id), soft_wrap=True)
    return OK


def _folder(context: typer.Context, name: str) -> Path:
    """Return the folder of exported runs that NAME is where no file is given; all else is in the folder itself."""
    if not Path(name).is_dir():
        raise ValueError(f"--test is missing: name the file of predictions on test data; {name} is no folder, either")
    for option, value in context.params.items():
        source = context.get_parameter_source(option)
        if option not in ("name", "as_json") and source is not None and source.name == "COMMANDLINE":
            shown = name_of(str(value))
            raise ValueError(f"--{option.replace('_', '-')} {shown}: a folder of exported runs is imported as it is")
    return Path(name)


def _read(
    files: Mapping[str, Path],
    seeds: "Seeds",
    names: "ColumnNames",
    costs: "ExitCosts | None",
    labels_N: "IntArray | None",
    keep_logits: bool,
) -> "RunToImport":
    from overthink.launching.importing import RunToImport
    from overthink.predictions.importing import import_file

    splits = {
        split: import_file(path, split, names, costs, labels_N if split == "test" else None, keep_logits)
        for split, path in files.items()
    }
    first = splits["test"].predictions
    for split, one in splits.items():
        if one.predictions.exits != first.exits or one.predictions.level_names != first.level_names:
            raise ValueError(f"{files[split]}: its exits, costs or levels are other ones than those of {files['test']}")
        own, other = one.predictions.logits_ENC, first.logits_ENC
        if own is not None and other is not None and own.shape[2] != other.shape[2]:
            raise ValueError(
                f"{files[split]}: it has {own.shape[2]} classes, and {files['test']} has {other.shape[2]}; both must "
                "be of one task"
            )
    return RunToImport(seeds, splits, files)


def _sentences(runs: "Sequence[RunToImport]", done: "Sequence[RunInStore]") -> list[str]:
    from overthink.predictions.absent import IN_WORDS
    from overthink.sentences import listed

    test = runs[0].test
    said = [f"{one.name}: {'imported' if one.new else 'already imported'} as run {one.run_id[:8]}" for one in done[:10]]
    if len(done) > len(said):
        said.append(f"... and {len(done) - len(said)} more")
    new = sum(one.new for one in done)
    said.append(
        f"{number_of(len(done), 'run')}, {new} new: {test.n_exits} exits, {len(test.ids_N):,} test samples each."
    )
    unknown = [IN_WORDS[part] for part in test.absent if part != "MUL-ADDs" or test.cost_E is not None]
    if "val" not in runs[0].splits:
        unknown.append("validation predictions")
    if unknown:
        said.append(f"Not known, so what needs them is left out: {listed(unknown, most=10)}.")
    said += [
        f"{run.files[split].name}: {text}" for run in runs for split, one in run.splits.items() for text in one.not_read
    ][:10]
    return said
