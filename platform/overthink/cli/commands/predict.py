"""`overthink predict`: classify image files with a stored run."""

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text
from overthink.sentences import listed, number_of

if TYPE_CHECKING:
    from overthink.exit_policies.guarantee import Promise
    from overthink.exit_policies.policy import Point
    from overthink.running.classify import Classified
    from overthink.store.readable_store import ReadableStore
    from overthink.store.stored import StoredRun


def predict(  # noqa: PLR0913, PLR0917 - an option each
    run: options.RunId,
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE", help="Image files of any raster format; an EXIF orientation is applied."),
    ],
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="FRACTION", help="Use the first exit with at least this confidence, e.g. 0.9.", min=0, max=1
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="BUDGET",
            help="Use the most accurate thresholds with a mean cost within this budget on validation data, in "
            "MUL-ADDs per image, e.g. 20e6.",
            min=1,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(metavar="N", help="Stop when N consecutive exits predict the same class.", min=1),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="With --budget: exit policy to leave by; overthink policies --list names them."
        ),
    ] = None,
    risk: options.Risk = None,
    confidence: options.Confidence = None,
    data_root: options.DataRoot = None,
    as_json: options.Json = False,
) -> int:
    """Classify image files with a run.

    At most one of --threshold, --budget, --patience and --risk can be used; without an exit option, the last exit is
    used.
    """
    if sum(value is not None for value in (threshold, budget, patience, risk)) > 1:
        raise ValueError("--threshold, --budget, --patience and --risk exclude each other; give one of them")
    if policy is not None and budget is None:
        raise ValueError(f"--policy {policy}: give the --budget that it is to be fitted for, e.g. --budget 20e6")
    if budget is not None and not 0 < budget < inf:
        raise ValueError(f"--budget {budget:g}: expected a number of MUL-ADDs per image, e.g. 20e6")
    promise = options.parse_promise(risk, confidence)
    if absent := [path for path in images if not path.is_file()]:
        raise ValueError(f"{absent[0]}: no such file")
    from overthink.cli.selection import the_run
    from overthink.store.local_store import store_to_read

    store = store_to_read()
    stored = the_run(store, run)
    log().print("Loading the network ...")
    from overthink.data.files import shown
    from overthink.data.image_file import is_animated
    from overthink.networks.cost import mul_adds  # torch, after what may be refused: it takes seconds
    from overthink.running.classify import classify, classify_by_policy
    from overthink.running.stored_run import check_trained_here, lookup_table_of, network_of

    check_trained_here(stored)
    trained = network_of(store, stored.run_id, data_root)
    point = _point(store, stored, policy, budget, promise)
    limit = patience if patience is not None else threshold
    limits = [inf if limit is None else float(limit)] * trained.network.n_exits
    if budget is not None and point is None:
        table, _ = lookup_table_of(store, stored, "max-softmax")
        limits = table.threshold_PE[table.fitting(budget)].tolist()
    criterion = "max-softmax" if patience is None else "patience"
    if point is None:
        found = classify(images, trained, limits, criterion)
    else:
        found = classify_by_policy(images, trained, point)
    if animated := [path for path in images if is_animated(path)]:
        of = number_of(len(animated), "animated file")
        print_text(log(), f"Of {of}, the first picture is classified: {listed([shown(path) for path in animated])}.")
    mean_cost = sum(one.mul_adds for one in found) / len(found)
    if as_json:
        thresholds = [None if value == inf else value for value in limits[:-1]]
        head: dict[str, object] = {"run_id": stored.run_id, "thresholds": thresholds, "mul_adds_per_image": mean_cost}
        if point is not None:
            head |= {"thresholds": None, "policy": policy or "max-softmax"}
        print_json({**head, "images": [_as_plain(one) for one in found]})
        return OK
    print_grid(_grid(found))
    last = mul_adds(trained.network, trained.definition.dataset.input_shape)[-1]
    images_counted = number_of(len(found), "image")
    log().print(f"{images_counted}, mean cost {mean_cost / 1e6:.2f} M MUL-ADDs; last exit: {last / 1e6:.2f} M.")
    return OK


def _point(
    store: "ReadableStore",
    stored: "StoredRun",
    policy: str | None,
    budget: float | None,
    promise: "Promise | None",
) -> "Point | None":
    """Return the policy that is asked for, fitted; None where thresholds are asked for."""
    from overthink.running.stored_run import certified_of, policy_of

    if promise is not None:
        certified = certified_of(store, stored, promise)
        log().print(certified.sentence)
        return certified.point
    return None if policy is None or budget is None else policy_of(store, stored, policy, budget)


def _as_plain(found: "Classified") -> dict[str, object]:
    return {"class" if name == "label" else name: value for name, value in found._asdict().items()}


def _grid(found: "list[Classified]") -> Grid:
    rows = [
        (one.file, one.label, f"{100 * one.confidence:.1f}%", str(one.exit), f"{one.mul_adds / 1e6:.2f} M")
        for one in found
    ]
    return Grid(("File", "Class", "Confidence", "Exit", "MUL-ADDs"), rows, words=2)
