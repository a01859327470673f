"""Arguments and options that several commands share."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from overthink.exit_policies.guarantee import Promise

DefinitionNames = Annotated[
    list[str],
    typer.Argument(
        metavar="DEFINITION",
        help="Definition files, names of shipped definitions (quickstart), or run:ID to repeat a stored run.",
    ),
]
CALLED = "by name, ID, or the first six characters of the ID"
NAMES_HELP = f"Runs or groups {CALLED}; definitions, sweeps, or experiments."
RunId = Annotated[str, typer.Argument(metavar="RUN", help=f"Run {CALLED}.")]
Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help=f"{NAMES_HELP} Default: all."),
]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value, e.g. --set regime.0.lr=0.05. Repeatable."),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="SEEDS",
        help="Seeds to use instead of the definition's: 0:3 (three seeds), 0,2,7:9, or 3 (seed 3 alone). Random "
        "streams that the definition fixes keep their seed.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="Number of parallel runs; 0 = one per CPU core. Default: 1; on a cluster, as many as fit.",
    ),
]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="Device to train on: auto, cpu, cuda, or cuda:N.")]
Kernels = Annotated[
    str,
    typer.Option(
        metavar="KERNELS",
        help="What computes the training: torch, native (faster, on a CPU), or auto: native where it can, and what a "
        "group's stored runs were made with.",
    ),
]
BenchKernels = Annotated[
    str,
    typer.Option(
        metavar="KERNELS",
        help="What to measure in addition to torch: native kernels, nothing more (torch), or auto: native ones where "
        "they can be used here.",
    ),
]
Engine = Annotated[
    str,
    typer.Option(metavar="ENGINE", help="Where runs execute: local, or ray for a Ray cluster (see docs/cluster.md)."),
]
Resources = Annotated[
    str | None,
    typer.Option(metavar="NAME=AMOUNT,...", help="Cluster resources per run, e.g. gpu=0.25,cpu=1. Default: cpu=1."),
]
Against = Annotated[
    str | None,
    typer.Option(metavar="GROUP", help="Baseline group, e.g. 100-plain: show differences to it, paired by seed."),
]
Interval = Annotated[
    str,
    typer.Option(
        metavar="OVER",
        help="What 95% intervals hold for: new seeds, new test samples, or both. The last two read the predictions of "
        "all runs.",
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help="Only runs that meet a condition on parameters, tags and metrics, e.g. 'network.growth=8 and "
        "(status=finished or accuracy/last>0.6)'.",
    ),
]
Margin = Annotated[
    float | None,
    typer.Option(
        metavar="POINTS",
        help="With --against: largest difference that counts as equal, in percentage points, e.g. 1. Choose it before "
        "you see the results.",
    ),
]
Risk = Annotated[
    float | None,
    typer.Option(
        metavar="FRACTION",
        help="Promise that accuracy falls at most by this below the last exit's, e.g. 0.01.",
    ),
]
Confidence = Annotated[
    float | None,
    typer.Option(metavar="FRACTION", help="With --risk: chance with which the promise is kept. Default: 0.95."),
]
By = Annotated[
    str,
    typer.Option(
        metavar="PART",
        help="Group rows by variant, definition, dataset, network, regime, or a parameter, e.g. network.growth.",
    ),
]
Sort = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Sort rows by a metric that is shown, n, or group; descending: -NAME."),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="NAME", help="Metric to show, instead of the usual; test/ may be left out. Repeatable."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, without doing it.")]
Estimate = Annotated[
    bool,
    typer.Option(
        "--estimate",
        help="Time a few training steps of each network on this machine first, and say how long all of it takes, and "
        "how much disk space.",
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of data sets. Default: OVERTHINK_DATA, else ~/.cache/overthink/data."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def parse_margin(points: float | None, against: str | None) -> float | None:
    """Return --margin as a fraction; raise ValueError where it is no margin, or without --against."""
    from overthink.comparison.paired import check_margin

    margin = None if points is None else points / 100
    check_margin(margin, against)
    return margin


def parse_promise(risk: float | None, confidence: float | None) -> "Promise | None":
    """Return what --risk and --confidence promise; raise ValueError for a confidence without a risk."""
    if risk is None:
        check_alone("--confidence", confidence, "--risk")
        return None
    from overthink.exit_policies.guarantee import Promise

    return Promise(risk, 0.95 if confidence is None else confidence)


def check_alone(option: str, value: object, other: str) -> None:
    """Raise ValueError where an option is given without what alone gives it an effect."""
    if value is not None and value is not False:
        shown = option if value is True else f"{option} {value}"
        raise ValueError(f"{shown}: it has an effect only with {other}")


def parse_numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Return the integers of a comma-separated list; raise ValueError naming the option where it is none."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", text):
        raise ValueError(f"{option} {text}: expected integers separated by commas, e.g. 1,5")
    return tuple(map(int, text.split(",")))


def parse_budgets(text: str) -> tuple[float, ...]:
    """Return `25%,50%` as fractions of the last exit's cost, ascending; raise ValueError where it is none."""
    entries = text.split(",")
    if not all(re.fullmatch(r"\d{1,3}(\.\d{1,6})?%?", entry) and float(entry.rstrip("%")) > 0 for entry in entries):
        raise ValueError(f"--budgets {text}: expected percent of the last exit's cost, e.g. 25%,50%,100%")
    return tuple(sorted({float(entry.rstrip("%")) / 100 for entry in entries}))


def check_choice(option: str, value: str, known: Sequence[str]) -> None:
    """Raise ValueError naming the option where a value is none of its choices."""
    from overthink.definition.errors import nearest

    if value not in known:
        raise ValueError(f"{option} {value}: not one of {', '.join(known)}{nearest(value, list(known))}")
