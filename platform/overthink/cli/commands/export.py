"""`overthink export`: stored runs as plain files, or as models for other programs."""

import shlex
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_json, print_problems
from overthink.cli.output_path import check_folder
from overthink.report.safe_text import print_text
from overthink.sentences import check_utf_8

if TYPE_CHECKING:
    from collections.abc import Callable

    from overthink.store.client import Store
    from overthink.store.stored import StoredRun

T = TypeVar("T")
FILES, SEGMENTS, MLFLOW = "files", ("onnx", "torch"), "mlflow"
FORMATS = (FILES, *SEGMENTS, MLFLOW)


def export(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", help=f"Runs {options.CALLED}; a group or experiment stands for its finished runs."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder; each run gets one in it. Without it, an MLflow model goes into the store.",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="files: what the store has, for overthink import. onnx or torch: the network for other programs, a "
            "file for each exit. mlflow: the network as a model that MLflow registers and serves.",
        ),
    ] = FILES,
    criterion: Annotated[
        str | None,
        typer.Option(
            metavar="CRITERION",
            help="With onnx and torch: confidence measure: max-softmax (default), entropy, top2-ratio, or patience.",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="BUDGET",
            help="With onnx and torch: choose the most accurate thresholds with a mean cost within this budget on "
            "validation data, in MUL-ADDs per image, e.g. 20e6. Default: the most accurate at any cost.",
            min=1,
        ),
    ] = None,
    register: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With mlflow: register the model under this name, as its next version."),
    ] = None,
    data_root: options.DataRoot = None,
    as_json: options.Json = False,
) -> int:
    """Export runs: as plain files, or their networks as models that other programs can use.

    Plain files are predictions, definition, provenance and checkpoint: overthink import DIR takes them into another
    store, with the same keys and predictions, bit for bit. Files in onnx and torch are compared with this package's own
    predictions once they are written.
    """
    _check(output, form, criterion, budget, register)
    if form == FILES:
        options.check_alone("--data-root", data_root, "--format onnx, torch or mlflow")
    from overthink.cli.selection import finished_runs
    from overthink.store.local_store import store_to_read
    from overthink.store.stored import once_each

    reading = store_to_read()
    chosen = once_each(run for name in runs for run in finished_runs(reading, name))
    from overthink.store.client import Store  # MLflow takes seconds, so after what may be refused

    store = Store()
    if output is None:
        return _stored(store, chosen, register, data_root, as_json)
    if form == FILES:
        return _files(store, chosen, output, as_json)
    if form == MLFLOW:
        return _model_folders(store, chosen, output, data_root, as_json)
    return _segments(store, chosen, output, form, criterion or "max-softmax", budget, data_root, as_json)


def _check(output: Path | None, form: str, criterion: str | None, budget: float | None, register: str | None) -> None:
    """Raise ValueError for options that do not fit each other."""
    if form not in FORMATS:
        raise ValueError(f"--format {form}: expected one of {', '.join(FORMATS)}")
    for option, value in (("--criterion", criterion), ("--budget", budget)):
        if form not in SEGMENTS and value is not None:
            raise ValueError(f"{option} is for --format {' and '.join(SEGMENTS)}, whose thresholds it chooses")
    if budget is not None and not isfinite(budget):
        raise ValueError(f"--budget {budget:g}: expected a number of MUL-ADDs per image, e.g. 20e6")
    if register is not None and (form != MLFLOW or output is not None):
        raise ValueError("--register is for --format mlflow without --output: what is registered is in the store")
    if output is not None:
        check_folder("--output", output)
        if form != FILES:  # whose libraries take no other path
            check_utf_8("--output", str(output.absolute()))
    elif form != MLFLOW:
        raise ValueError(f"--format {form} needs a folder: add -o DIR")


def _folder(output: Path, run: "StoredRun", ending: str = "") -> Path:
    from overthink.report.export import slug

    return output / f"{slug(run.name)}-{run.run_id[:8]}{ending}"


def _of_each(runs: "list[StoredRun]", exported: "Callable[[StoredRun], T]") -> tuple[list[T], bool]:
    """Export each run, say which cannot be, and return what is exported and whether any is not.

    Raises the first one's error where none can be.
    """
    from overthink.store.errors import StoreError

    done, problems = [], list[Exception]()
    for run in runs:
        try:
            done.append(exported(run))
        except (ValueError, StoreError) as error:
            problems.append(error)
    print_problems(log(), [str(error) for error in problems[0 if done else 1 :]])
    if problems and not done:
        raise problems[0]
    return done, bool(problems)


def _files(store: "Store", runs: "list[StoredRun]", output: Path, as_json: bool) -> int:
    from overthink.running.exporting import export_run

    done, some_failed = _of_each(runs, lambda run: export_run(store, run, _folder(output, run)))
    if as_json:
        print_json([{**one._asdict(), "folder": str(one.folder)} for one in done])
    console = log()
    for one in done:
        print_text(console, f"{one.folder}: {', '.join(one.files)}")
        if one.missing:
            print_text(console, f"{one.folder}: the store does not have {', '.join(one.missing)}")
    print_text(console, f"To bring them into another store: overthink import {shlex.quote(str(output))}")
    return SOME_FAILED if some_failed or any(one.missing for one in done) else OK


def _segments(
    store: "Store",
    runs: "list[StoredRun]",
    output: Path,
    form: str,
    criterion: str,
    budget: float | None,
    data_root: Path | None,
    as_json: bool,
) -> int:
    from overthink.running.segments.writing import ExitRule, export_segments

    console = log()

    def exported(run: "StoredRun") -> dict[str, Any]:
        folder = _folder(output, run, f"-{form}")
        found = export_segments(store, run, form, ExitRule(criterion, budget), folder, data_root)
        files, checked = [one.file for one in found.exits], found.checked
        print_text(console, f"{folder}: {', '.join([*files, 'model.json'])}")
        print_text(
            console,
            f"Compared with this package on {checked.images} images ({checked.of}): same exits and classes, logits "
            f"within {checked.largest_difference:.1g}"
            + (f"; of {checked.by_rounding}, rounding decides the exit" if checked.by_rounding else ""),
        )
        return {"folder": str(folder), **found.model_dump(mode="json")}

    return _shown(_of_each(runs, exported), as_json)


def _shown(exported: tuple[list[dict[str, Any]], bool], as_json: bool) -> int:
    done, some_failed = exported
    if as_json:
        print_json(done)
    return SOME_FAILED if some_failed else OK


def _stored(
    store: "Store", runs: "list[StoredRun]", register: str | None, data_root: Path | None, as_json: bool
) -> int:
    from overthink.report.export import slug
    from overthink.running.mlflow_export import export_mlflow

    console = log()

    def exported(run: "StoredRun") -> dict[str, Any]:
        model = export_mlflow(store, run, slug(run.name) or run.run_id, register, data_root)
        registered = "" if register is None else f", registered as version {model.version} of {register}"
        print_text(console, f"{run.name}: {model.uri}{registered}")
        print_text(console, f"To serve it: {_serving(model.uri)}")
        return {"run_id": run.run_id, **model._asdict()}

    return _shown(_of_each(runs, exported), as_json)


def _model_folders(store: "Store", runs: "list[StoredRun]", output: Path, data_root: Path | None, as_json: bool) -> int:
    from overthink.running.mlflow_export import export_mlflow_folder

    console = log()

    def exported(run: "StoredRun") -> dict[str, Any]:
        folder = _folder(output, run, f"-{MLFLOW}")
        export_mlflow_folder(store, run, folder, data_root)
        print_text(console, f"{folder}: to serve it: {_serving(str(folder))}")
        return {"run_id": run.run_id, "folder": str(folder)}

    return _shown(_of_each(runs, exported), as_json)


def _serving(model: str) -> str:
    return f"mlflow models serve --env-manager local -m {shlex.quote(model)}"
