"""The `overthink` command: one function a command, each a call into the platform, imported only when it is used."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from overthink.cli.commands.placed import ExecutionOptions
    from overthink.definition.experiment import LoadedExperiment

app = typer.Typer(
    help="Train multi-exit image classifiers from definitions, and compare how much they overthink.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Data sets: what there is, fetching it, looking at it.", no_args_is_help=True)
app.add_typer(data_app, name="data")

STORED = "run:"
"""Stands before the id of a stored run where a definition is asked for."""
Definitions = Annotated[
    list[str],
    typer.Argument(help="Definition files, names of shipped ones (quickstart), or run:ID for a run of the store."),
]
Settings = Annotated[
    list[str], typer.Option("--set", help="Override a value: --set regime.0.lr=0.05", metavar="KEY=VALUE")
]
SeedsOption = Annotated[
    str | None,
    typer.Option("--seeds", help="Other seeds: 0:5, 3, or 0,2,7:9. Streams that the definition fixes stay."),
]
EngineOption = Annotated[str, typer.Option("--engine", help="local, or ray for a Ray cluster (docs/cluster.md)")]
ResourcesOption = Annotated[
    str | None,
    typer.Option("--resources", help="What a run takes of a cluster (default: cpu=1).", metavar="gpu=0.25,cpu=1"),
]
Weights = Annotated[list[float], typer.Option("--lambda", help="How little cost counts; several if you like.")]
Scale = Annotated[bool, typer.Option("--scale", help="Scale confidences by a temperature an exit first.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
DataRoot = Annotated[Path | None, typer.Option("--data-root", help="Folder with data sets (default: OVERTHINK_DATA).")]


def log() -> Console:
    """Return the console for people: standard error, so that standard output holds results alone."""
    return Console(stderr=True, highlight=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from overthink import __version__

        typer.echo(f"overthink {__version__}")
        raise typer.Exit


DELIVERS_ITSELF = ("run", "sweep", "sync")
NEEDS_NO_STORE = ("inspect", "data", "cluster")


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and end.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Options of every command."""
    if debug:
        os.environ["OVERTHINK_DEBUG"] = "1"
    if context.invoked_subcommand not in (*DELIVERS_ITSELF, *NEEDS_NO_STORE):
        from overthink.cli.commands.sync import upload_first

        upload_first(log())


@app.command()
def run(  # noqa: PLR0913, PLR0917 - an option each
    definitions: Definitions,
    settings: Settings = [],  # noqa: B006 - typer copies it
    seeds: SeedsOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Runs side by side; 0 for one a CPU core (default: 1; all a cluster has room for).", min=0),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
    data_root: DataRoot = None,
    engine: EngineOption = "local",
    resources: ResourcesOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Train anew what is finished already.")] = False,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="Train every phase, also those that another run has trained already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train what definitions ask for, unless the store has it already; then show the overthinking table."""
    place = _placed(jobs, device, data_root, engine, resources)
    loaded = _load(definitions, settings, seeds)  # a mistake in a definition is said before anything heavy is imported
    from overthink.cli.commands.run import RunOptions
    from overthink.cli.commands.run import run as launch_all

    wanted = RunOptions(place, dry_run, force, not no_reuse, as_json)
    raise typer.Exit(launch_all(loaded, wanted, log()))


@app.command()
def sweep(  # noqa: PLR0913, PLR0917 - an option each
    name: Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep file, or the name of a shipped one.")],
    trials: Annotated[int | None, typer.Option(help="Trials in all, whatever the file says.", min=1)] = None,
    settings: Annotated[
        list[str], typer.Option("--set", help="Override a value of the file: --set sampler.seed=1", metavar="KEY=VALUE")
    ] = [],  # noqa: B006 - typer copies it
    jobs: Annotated[
        int | None,
        typer.Option(help="Trials side by side; 0 for one a CPU core (default: 1; all a cluster has room for).", min=0),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
    data_root: DataRoot = None,
    engine: EngineOption = "local",
    resources: ResourcesOption = None,
    storage: Annotated[
        str | None, typer.Option(help="Where trials are kept (default: OPTUNA_STORAGE, else optuna.db).", metavar="URL")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    best: Annotated[
        bool, typer.Option("--best", help="Print the best trial as a definition with fresh seeds.")
    ] = False,
    confirm: Annotated[
        int | None, typer.Option(help="Train the best with so many fresh seeds; how much of it was luck?", min=1)
    ] = None,
    as_json: Json = False,
) -> None:
    """Search for the best values of a definition; each trial is a group of runs. Called again, it goes on."""
    place = _placed(jobs, device, data_root, engine, resources)
    from overthink.definition.source import SWEEPS, find
    from overthink.sweep.definition import load_sweep

    overrides = [*settings, *([f"trials={trials}"] if trials is not None else [])]
    loaded = load_sweep(find(name, SWEEPS), tuple(overrides))
    from overthink.cli.commands.sweep import SweepOptions
    from overthink.cli.commands.sweep import sweep as begin

    wanted = SweepOptions(place, storage, dry_run, best, confirm, as_json)
    raise typer.Exit(begin(loaded, wanted, log()))


@app.command()
def inspect(
    definition: Annotated[str, typer.Argument(help="A definition file, or the name of a shipped one.")],
    settings: Settings = [],  # noqa: B006
    seeds: SeedsOption = None,
    images: Annotated[str | None, typer.Option(help="Count it for other images: 3x32x32.", metavar="KxHxW")] = None,
    classes: Annotated[int | None, typer.Option(help="Count it for another number of classes.", min=2)] = None,
    as_json: Json = False,
) -> None:
    """Show a definition as it resolves: values, run keys, and parameters and MUL-ADDs per exit."""
    (loaded,) = _load([definition], settings, seeds)
    from overthink.cli.commands.inspect import inspect as describe

    describe(loaded, as_json, images, classes)


@app.command()
def compare(
    definitions: Annotated[
        list[str] | None, typer.Argument(help="Definitions or experiment names; all where left out.")
    ] = None,
    by: Annotated[str, typer.Option(help="variant, definition, dataset, network or regime")] = "variant",
    form: Annotated[str, typer.Option("--format", help="table, markdown, latex, csv, json or html")] = "table",
    settings: Settings = [],  # noqa: B006
    against: Annotated[
        str | None, typer.Option(help="A group (such as 100-plain): show differences to it, seed by seed.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read the whole store anew.")] = False,
    table: Annotated[str, typer.Option(help="overthinking, or policy for policy networks")] = "overthinking",
) -> None:
    """Make the overthinking table, or that of policy networks, from stored runs."""
    from overthink.cli.commands.compare import CompareOptions
    from overthink.cli.commands.compare import compare as make_table

    wanted = CompareOptions(definitions or [], by, form, settings, against, refresh, table)
    raise typer.Exit(make_table(wanted, log()))


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="A run or a group: its id, the beginning of that, or its name.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    as_json: Json = False,
) -> None:
    """Show what differs between two runs or groups: definition, versions, results."""
    from overthink.cli.commands.diff import diff as show

    raise typer.Exit(show(first, second, as_json))


@app.command()
def analyse(
    names: Annotated[
        list[str] | None, typer.Argument(help="Definitions, experiment names or run ids; all runs where left out.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Also write the figures as PNG, SVG and PDF into this folder.", metavar="DIR")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute in depth what stored predictions say, and add it to runs and groups: budgets, figures, metrics."""
    from overthink.cli.commands.analyse import analyse_runs

    raise typer.Exit(analyse_runs(names or [], export, as_json, log()))


@app.command()
def budget(
    run: Annotated[str, typer.Argument(help="A run id of the store, or at least its first six characters.")],
    mul_adds: Annotated[float, typer.Option("--mul-adds", help="Budget a sample: 20e6.", min=1)],
    criterion: Annotated[str, typer.Option(help="max_softmax, entropy, top2_ratio or patience")] = "max_softmax",
    scale: Scale = False,
    as_json: Json = False,
) -> None:
    """Give the thresholds of a stored run that fit a budget."""
    from overthink.cli.commands.budget import budget as fitting

    raise typer.Exit(fitting(run, mul_adds, criterion, scale, as_json, log()))


@app.command()
def anytime(
    run: Annotated[str, typer.Argument(help="A run id of the store, or at least its first six characters.")],
    budgets: Annotated[
        list[str],
        typer.Option("--budget", help="MUL-ADDs, and how often they are all there is: 20e6=3", metavar="B[=WEIGHT]"),
    ] = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Say what anytime prediction gets right under budgets: those given, else any up to the last exit's cost."""
    from overthink.cli.commands.anytime import anytime as expected

    raise typer.Exit(expected(run, budgets, as_json, log()))


@app.command()
def labels(
    run: Annotated[str, typer.Argument(help="A run id of the store, or at least its first six characters.")],
    weights: Weights = [5.0],  # noqa: B006
    exits: Annotated[str | None, typer.Option(help="Exits that compete: 1,5 (default: all).")] = None,
    split: Annotated[str, typer.Option(help="val or test")] = "val",
    as_json: Json = False,
) -> None:
    """Show which exits the samples of a stored run would be labelled with (thesis eqs. 4.1 and 4.2)."""
    from overthink.cli.commands.labels import LabelOptions
    from overthink.cli.commands.labels import labels as show

    raise typer.Exit(show(run, LabelOptions(weights, _numbers("--exits", exits), split, as_json), log()))


@app.command()
def predict(
    run: Annotated[str, typer.Argument(help="A run id of the store, or at least its first six characters.")],
    images: Annotated[list[Path], typer.Argument(help="Image files: PNG or JPEG.")],
    threshold: Annotated[
        float | None, typer.Option(help="Leave at the first exit that is at least so sure: 0.9", min=0, max=1)
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="MUL-ADDs an image on average, as on validation data: 20e6", min=1)
    ] = None,
    patience: Annotated[int | None, typer.Option(help="Leave where so many exits in a row agree.", min=1)] = None,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Classify image files with a stored run; where nothing says when to leave, by its last exit."""
    from overthink.cli.commands.predict import PredictOptions
    from overthink.cli.commands.predict import predict as classify

    raise typer.Exit(classify(run, images, PredictOptions(threshold, budget, patience, data_root, as_json), log()))


@app.command()
def bench(
    run: Annotated[str, typer.Argument(help="A run id of the store, or at least its first six characters.")],
    batch: Annotated[list[int], typer.Option(help="Images at a time; several if you like.", min=1, max=10_000)] = [  # noqa: B006
        1,
        32,
        256,
    ],
    rounds: Annotated[int, typer.Option(help="How often each way is timed, in turns.", min=1)] = 7,
    threads: Annotated[int, typer.Option(help="Threads; 0 for one a CPU core.", min=0)] = 0,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Measure how much faster early exits are than the full forward pass, on this machine's CPU."""
    from overthink.cli.commands.bench import BenchOptions
    from overthink.cli.commands.bench import bench as measure

    raise typer.Exit(measure(run, BenchOptions(tuple(batch), rounds, threads, data_root, as_json), log()))


@app.command()
def frequency(
    names: Annotated[
        list[str] | None, typer.Argument(help="Definitions, experiment names or run ids; all runs where left out.")
    ] = None,
    zigzag: Annotated[bool, typer.Option("--zigzag", help="Scan along the diagonals, not row by row.")] = False,
    power: Annotated[int, typer.Option(help="1 sums coefficients by size, 2 squares them.", min=1, max=2)] = 1,
    share: Annotated[float, typer.Option(help="Of their total that is to be reached.", min=0.01, max=1)] = 0.98,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Compare the frequencies (DCT) of the images that each exit gets right (thesis figures A.3 to A.5)."""
    from overthink.cli.commands.frequency import FrequencyOptions
    from overthink.cli.commands.frequency import frequency as compare_exits

    wanted = FrequencyOptions("zigzag" if zigzag else "rows", power, share, data_root, as_json)
    raise typer.Exit(compare_exits(names or [], wanted, log()))


@app.command("grad-cam")
def grad_cam(
    run: Annotated[str, typer.Argument(help="A run id of the store, or at least its first six characters.")],
    samples: Annotated[str | None, typer.Option(help="Ids of test samples: 3,17,40.")] = None,
    pick: Annotated[int, typer.Option(help="So many that the last exit overthinks most surely.", min=1, max=50)] = 6,
    of: Annotated[str, typer.Option("--class", help="predicted: what each exit says; true: the label.")] = "predicted",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write the picture here (PNG).")] = None,
    data_root: DataRoot = None,
) -> None:
    """Draw where each exit of a stored run looks (Grad-CAM; thesis figure 3.9)."""
    from overthink.cli.commands.grad_cam import GradCamOptions, show
    from overthink.definition.errors import DefinitionError

    if of not in ("predicted", "true"):
        raise DefinitionError(f"--class {of}: expected predicted or true")
    wanted = GradCamOptions(_numbers("--samples", samples) or (), pick, of == "true", output, data_root)
    raise typer.Exit(show(run, wanted, log()))


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="A study: a shipped definition's name, a path, or its experiment.")],
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Say whose overthinking is, the sample's or the training's, by repeats of a study or the seeds of any group."""
    from overthink.cli.commands.study import study as show

    raise typer.Exit(show(name, data_root, as_json, log()))


@app.command()
def report(
    names: Annotated[list[str], typer.Argument(help="Shipped definitions, paths, experiment names or run ids.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    against: Annotated[str | None, typer.Option(help="Also show differences to this group, seed by seed.")] = None,
) -> None:
    """Write one self-contained page: tables, figures, verdicts, where they come from, how to repeat them."""
    from overthink.cli.commands.report import report as write

    raise typer.Exit(write(names, output, against, log()))


@app.command()
def cluster(
    resources: Annotated[
        str, typer.Option("--resources", help="What a run takes.", metavar="gpu=0.25,cpu=1")
    ] = "cpu=1",
    as_json: Json = False,
) -> None:
    """Show the machines of the Ray cluster that this one is part of, and for how many runs there is room."""
    from overthink.cli.commands.cluster import cluster as show

    raise typer.Exit(show(resources, as_json, log()))


@app.command()
def sync() -> None:
    """Deliver to the store what it missed of runs while it was away; other commands do it, too, before they begin."""
    from overthink.cli.commands.sync import sync as deliver

    raise typer.Exit(deliver(log()))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser, on a desktop.")] = True,
) -> None:
    """Start the MLflow UI on the store that the runs are in, for this machine only."""
    from overthink.cli.commands.ui import ui as serve

    raise typer.Exit(serve(port, open_browser, log()))


@data_app.command("list")
def data_list(data_root: DataRoot = None, as_json: Json = False) -> None:
    """List data sets: what they are, their licence, and whether they are here."""
    from overthink.cli.commands import data

    data.show_list(data_root, as_json)


@data_app.command("get")
def data_get(name: str, data_root: DataRoot = None) -> None:
    """Fetch a data set into the data folder, checking what arrives."""
    from overthink.cli.commands import data

    data.get(name, data_root, log())


@data_app.command("show")
def data_show(
    name: str,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Picture to write (default: NAME.png).")] = None,
    data_root: DataRoot = None,
    settings: Settings = [],  # noqa: B006
) -> None:
    """Write a picture of samples for each class and level."""
    from overthink.cli.commands import data

    data.picture(name, output, data_root, settings, log())


def _numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    from overthink.definition.errors import DefinitionError

    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", text):
        raise DefinitionError(f"{option} {text}: expected numbers such as 1,5")
    return tuple(map(int, text.split(",")))


def _placed(
    jobs: int | None, device: str, data_root: Path | None, engine: str, resources: str | None
) -> "ExecutionOptions":
    from overthink.cli.commands.placed import placed

    return placed(jobs, device, data_root, engine, resources)


def _load(names: list[str], settings: list[str], seeds: str | None) -> "list[LoadedExperiment]":
    from overthink.definition.errors import DefinitionError
    from overthink.definition.loading import load_experiment
    from overthink.definition.source import find
    from overthink.seeds import parse_seeds

    chosen = parse_seeds(seeds) if seeds is not None else None
    if (settings or chosen) and any(name.startswith(STORED) for name in names):
        raise DefinitionError("a stored run is repeated as it was: --set and --seeds do not go with run:ID")
    return [
        _load_stored(name) if name.startswith(STORED) else load_experiment(find(name), settings, chosen)
        for name in names
    ]


def _load_stored(name: str) -> "LoadedExperiment":
    from overthink.definition.loading import experiment_of_run
    from overthink.store.client import Store
    from overthink.store.reader import stored_definition

    stored = stored_definition(Store(), name.removeprefix(STORED))
    return experiment_of_run(
        stored.text, name, stored.name, stored.variant, stored.description, stored.changes, stored.changes_label
    )


def main() -> None:
    """Run the command; turn what a person can mend into one sentence and an exit code.

    0 ok, 1 failure, 2 wrong usage or definition, 3 some runs failed, 130 interrupted, 143 terminated.
    """
    from overthink.cli.exit_codes import exit_code_for, obey_signals

    obey_signals()
    try:
        app(standalone_mode=True)
    except BaseException as error:  # noqa: BLE001 - the last place that can turn it into a sentence
        sys.exit(exit_code_for(error, log()))


if __name__ == "__main__":
    main()
