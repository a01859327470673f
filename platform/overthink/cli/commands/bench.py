"""`overthink bench`: how much faster early exits are than the full forward pass, on this machine."""

import os
import time
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text
from overthink.sentences import number_of
from overthink.settings import default_kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overthink.inference.exiting import LeavingRule
    from overthink.inference.speed import Timing
    from overthink.networks.kernels import Kernels
    from overthink.running.trained_network import TrainedNetwork
    from overthink.store.readable_store import ReadableStore
    from overthink.store.stored import StoredRun

BATCHES = [1, 32, 256]
ROUNDS, SECONDS = 7, 80.0
"""Of all batch sizes together, without --rounds."""

CAPTION = (
    "Medians over rounds. Speedup: the time of all exits by torch in the same round, divided by this one's; where "
    "other work disturbs rounds, it is not the ratio of the times shown. Uniform: equally many images leave at each "
    "exit; 80% first: four of five leave at the first. Shares are rounded."
)


def bench(
    run: options.RunId,
    batch: Annotated[list[int], typer.Option(metavar="N", help="Batch size. Repeatable.", min=1, max=10_000)] = BATCHES,
    rounds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Number of measurements of each method, taken in turns. Default: {ROUNDS}, or as many as fit into "
            f"{SECONDS:.0f} s.",
            min=1,
        ),
    ] = None,
    threads: Annotated[int, typer.Option(metavar="N", help="Number of threads; 0 = one per CPU core.", min=0)] = 0,
    kernels: options.BenchKernels = "auto",
    policy: Annotated[
        list[str],
        typer.Option(
            "--policy",
            metavar="NAME",
            help="Also measure leaving by this exit policy, fitted on validation data. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    budgets: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT,...", help="With --policy: budgets, in percent of the last exit's cost. Default: 50%."
        ),
    ] = None,
    data_root: options.DataRoot = None,
    as_json: options.Json = False,
) -> int:
    """Measure how much faster early exits are than the full forward pass, on this machine's CPU.

    By torch, and by native kernels where they can be used here; --kernels torch leaves these out.
    """
    if not policy:
        options.check_alone("--budgets", budgets, "--policy")
    shares, console = options.parse_budgets("50%" if budgets is None else budgets), log()
    from overthink.cli.execution_options import check_kernels
    from overthink.cli.selection import the_run
    from overthink.store.local_store import store_to_read

    check_kernels(kernels)
    store = store_to_read()
    stored = the_run(store, run)
    console.print("Loading the network ...")
    import torch  # after what may be refused: it takes seconds

    from overthink.inference.speed import speeds
    from overthink.running.benchmark import benchmark_images, image_count
    from overthink.running.stored_run import check_trained_here, network_of

    check_trained_here(stored)
    rules = _rules(store, stored, policy, shares)
    trained = network_of(store, stored.run_id, data_root)
    torch.set_num_threads(threads or os.cpu_count() or 1)
    most = max(image_count(size) for size in batch)
    all_NKHW, source = benchmark_images(trained, most, data_root)
    print_text(
        console,
        f"{stored.name}: {number_of(torch.get_num_threads(), 'thread')}, {source}",
    )
    timings: list[Timing] = []
    ends = time.monotonic() + SECONDS
    for place, size in enumerate(batch):
        native = _native(trained, size, kernels)
        images_NKHW = all_NKHW[: image_count(size)]
        limit = inf if rounds else max(0.0, ends - time.monotonic()) / (len(batch) - place)
        print_text(console, f"Batch size {size} ...")
        timings += speeds(trained.network, images_NKHW, size, rounds or ROUNDS, native, rules, limit)
    if rounds is None and (fewest := min(timing.rounds for timing in timings)) < ROUNDS:
        print_text(console, f"{number_of(fewest, 'round')} instead of {ROUNDS} for want of time; more: --rounds N.")
    if as_json:
        head = {"run_id": stored.run_id, "threads": torch.get_num_threads(), "images": source}
        print_json({**head, "timings": [timing._asdict() for timing in timings]})
    else:
        print_grid(_grid(timings))
    return OK


def _rules(
    store: "ReadableStore", run: "StoredRun", policies: "Sequence[str]", shares: "Sequence[float]"
) -> "dict[str, LeavingRule]":
    """Return each exit policy, fitted for each budget, by a name with both."""
    if not policies:
        return {}
    from overthink.exit_policies.catalogue import named
    from overthink.predictions.absent import needed
    from overthink.running.stored_run import check_validation

    check_validation(run)
    validation = store.predictions(run.run_id, "val")
    whole = float(needed(validation.cost_E, "costs")[-1])
    curves = {one.name: one.fit(validation) for one in map(named, dict.fromkeys(policies))}
    return {f"{name}, {100 * share:g}%": curve.at(share * whole) for name, curve in curves.items() for share in shares}


def _native(trained: "TrainedNetwork", batch: int, asked: str) -> "Kernels | None":
    """Return native kernels for a batch size, None where they are not wanted; else say why they cannot be used here."""
    import torch

    from overthink.networks.availability import inference_kernels, inference_obstacle

    asked = default_kernels() if asked == "auto" else asked
    if asked == "torch":
        return None
    shape = trained.definition.dataset.input_shape
    obstacle = inference_obstacle(trained.network, shape, batch, partial(print_text, log()))
    if obstacle is None:
        return inference_kernels(batch, torch.get_num_threads())
    if asked == "native":
        raise ValueError(f"--kernels native: native kernels cannot be used here, since {obstacle}")
    print_text(log(), f"Without native kernels, since {obstacle.removesuffix('.')}.")
    return None


def _grid(timings: "list[Timing]") -> Grid:
    rows = [
        (
            str(timing.batch),
            timing.way,
            f"{1000 * timing.seconds_per_batch:.2f}",
            f"{timing.images_per_second:,.0f}",
            f"{timing.speedup:.2f}",
            " ".join(f"{100 * share:.0f}" for share in timing.share_E),
        )
        for timing in timings
    ]
    return Grid(("Batch", "Method", "ms per batch", "Images/s", "Speedup", "% at exits"), rows, CAPTION, words=2)
