"""`overthink frequency`: the frequencies of the images that each exit gets right."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_grid, print_json, print_problems
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.inference.frequency import ByExit, Coefficients, Spread
    from overthink.running.frequencies import FrequencyMeasure


def frequency(
    names: options.Runs = None,
    zigzag: Annotated[
        bool, typer.Option("--zigzag", help="Scan coefficients along the diagonals instead of row by row.")
    ] = False,
    power: Annotated[
        int,
        typer.Option(metavar="POWER", help="Sum coefficient magnitudes (1) or their squares (2).", min=1, max=2),
    ] = 1,
    share: Annotated[
        float,
        typer.Option(metavar="FRACTION", help="Fraction of total coefficient magnitude to reach.", min=0.01, max=1),
    ] = 0.98,
    coefficients: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Sum the magnitude of coefficients, or signed coefficients, as thesis figures A.3 to A.5 do.",
        ),
    ] = "magnitude",
    data_root: options.DataRoot = None,
    as_json: options.Json = False,
) -> int:
    """Compare the frequencies (DCT) of the images that each exit gets right (thesis figures A.3 to A.5).

    A figure is added to each run.
    """
    if coefficients not in ("magnitude", "signed"):
        raise ValueError(f"--coefficients {coefficients}: expected magnitude or signed")
    if coefficients == "signed" and power != 1:
        raise ValueError("--coefficients signed: squares (--power 2) have no sign; use --power 1")
    from overthink.cli.selection import runs_named
    from overthink.store.local_store import store_to_read

    chosen = [run for run in runs_named(store_to_read(), names or []) if not run.is_group and not run.is_policy]
    from overthink.report.frequency_page import frequency_page, verdict
    from overthink.running.frequencies import FrequencyMeasure, frequencies
    from overthink.store.client import Store
    from overthink.store.stored import finished_per_key
    from overthink.store.unreadable import problems_of
    from overthink.store.writer import Writer

    store, console = Store(), log()
    summed: Coefficients = "signed" if coefficients == "signed" else "magnitude"
    measure = FrequencyMeasure("zigzag" if zigzag else "rows", 2 if power == 2 else 1, share, summed)
    finished = finished_per_key(chosen)
    answers = []
    problems: list[Exception] = []
    unstored: list[str] = []
    for run, found in frequencies(store, finished, measure, data_root):
        if isinstance(found, Exception):
            problems.append(found)
            continue
        unstored += Writer(store).page(run.run_id, tags.FREQUENCY_PAGE, frequency_page(run.name, measure, found))
        answers.append({"run_id": run.run_id, "name": run.name, "measure": asdict(measure), **_as_plain(found)})
        if not as_json:
            print_text(console, f"{run.name}: {measure}")
            print_grid(_grid(found, "" if len(answers) > 1 else _caption(measure)))
            print_text(console, verdict(found))
    if problems and not answers:
        raise problems[0]
    print_problems(console, [*problems_of(chosen), *map(str, problems), *unstored])
    if as_json:
        print_json(answers)
    console.print(f"Figures: artifact {tags.FREQUENCY_PAGE} of each run." if answers else "No finished run selected.")
    return SOME_FAILED if problems or unstored else OK


def _as_plain(found: "ByExit") -> dict[str, object]:
    return {
        "right": [spread._asdict() for spread in found.right_E],
        "first_right": [spread._asdict() for spread in found.first_right_E],
        "nobody": found.never_right._asdict(),
        "cliffs_delta_to_exit_1": list(found.delta_E),
        "kruskal_wallis_p": found.p,
    }


def _caption(measure: "FrequencyMeasure") -> str:
    return (
        "Right: samples that the exit gets right. First right: samples that no earlier exit gets right. "
        f"Coefficients: share needed for {measure}, mean ± standard deviation over samples. "
        f"Delta: Cliff's delta to exit 1. {measure.note}"
    )


def _grid(found: "ByExit", caption: str) -> Grid:
    rows = [
        (str(number), str(right.n), _cell(right), str(first.n), _cell(first), "-" if delta is None else f"{delta:+.3f}")
        for number, (right, first, delta) in enumerate(
            zip(found.right_E, found.first_right_E, found.delta_E, strict=True), start=1
        )
    ]
    rows.append(("none", "", "", str(found.never_right.n), _cell(found.never_right), ""))
    titles = ("Exit", "Right", "Coefficients, %", "First right", "Coefficients, %", "Delta")
    return Grid(titles, rows, caption)


def _cell(spread: "Spread") -> str:
    if spread.mean is None:
        return "-"
    return f"{100 * spread.mean:.2f}" if spread.std is None else f"{100 * spread.mean:.2f} ± {100 * spread.std:.2f}"
