"""`overthink grad-cam`: where each exit of a stored run looks (thesis figure 3.9)."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log
from overthink.cli.output_path import check_picture, write_picture
from overthink.report.safe_text import print_text
from overthink.sentences import number_of
from overthink.store import tags

PICKED = 6
"""Samples, where none are named."""


def grad_cam(
    run: options.RunId,
    samples: Annotated[
        str | None, typer.Option(metavar="IDS", help="IDs of the test samples to draw, e.g. 3,17,40.")
    ] = None,
    pick: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Draw the N samples that the last exit overthinks with the highest confidence. Default: 6, unless "
            "--samples names others.",
            min=1,
            max=50,
        ),
    ] = None,
    of: Annotated[
        str,
        typer.Option(
            "--class", metavar="CLASS", help="Class to explain: predicted (by each exit), or true (the label)."
        ),
    ] = "predicted",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the picture to this file.")
    ] = None,
    data_root: options.DataRoot = None,
) -> int:
    """Draw where each exit of a run looks, with Grad-CAM (thesis figure 3.9), and add the picture to the run."""
    if of not in ("predicted", "true"):
        raise ValueError(f"--class {of}: expected predicted or true")
    if samples is not None and pick is not None:
        raise ValueError("--samples and --pick exclude each other; give one of them")
    ids = options.parse_numbers("--samples", samples)
    if output is not None:
        check_picture("--output", output)
    from overthink.cli.selection import the_run
    from overthink.store.local_store import store_to_read

    stored = the_run(store_to_read(), run)  # torch and MLflow take seconds, so after what may be refused
    from overthink.report.grad_cam_picture import grad_cam_picture
    from overthink.report.grad_cam_samples import grad_cam_samples, most_confidently_overthought, rows_of_samples
    from overthink.store.client import Store
    from overthink.store.writer import Writer

    store, console = Store(), log()
    test = store.predictions(stored.run_id, "test")
    rows_M = rows_of_samples(test, ids) if ids else most_confidently_overthought(test, pick or PICKED)
    if not len(rows_M):
        raise ValueError(f"{run}: the last exit overthinks no test sample; choose samples with --samples")
    picture = grad_cam_picture(grad_cam_samples(store, stored, test, rows_M, of == "true", data_root), of)
    if output is not None:  # first: the store may refuse it
        write_picture(output, picture)
        print_text(console, f"Written: {output}")
    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(tags.GRAD_CAM_PICTURE).name
        picture.save(file)
        Writer(store).artifacts(stored.run_id, [file], str(Path(tags.GRAD_CAM_PICTURE).parent))
    print_text(console, f"{stored.name}: {number_of(len(rows_M), 'sample')}; picture: artifact {tags.GRAD_CAM_PICTURE}")
    return OK
