"""Figures as files for papers: PNG, SVG and PDF, drawn by kaleido in a browser that is on this machine."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from overthink.report.pages import Captioned

if TYPE_CHECKING:
    from kaleido import Kaleido  # type: ignore[import-untyped]

FORMATS = ("svg", "pdf", "png")
WIDTH, HEIGHT, PNG_SCALE = 720, 460, 3


class BrowserMissingError(OSError):
    """Chrome or Chromium is not installed, or does not start."""


Export = Callable[[Sequence[Captioned], Path], list[Path]]
"""Writes each figure in each format into a folder, named by its caption, and returns the files."""


@contextmanager
def exporting() -> Iterator[Export]:
    """Start a browser, which takes seconds, and yield a function that draws figures with it.

    Raises BrowserMissingError where no Chrome or Chromium is installed or starts, OSError where a folder cannot be
    written.
    """
    import kaleido
    from choreographer.errors import BrowserFailedError, ChromeNotFoundError

    try:
        # Not kaleido's own server: where the browser does not start, a caller of that one waits for ever.
        with ThreadPoolExecutor(1) as thread:  # not this thread: a notebook's already runs a loop
            loop = asyncio.Runner()

            def run(work: Coroutine[Any, Any, Any]) -> None:
                thread.submit(loop.run, work).result()

            try:
                browser = kaleido.Kaleido(mathjax=False)  # which it would fetch from the network
                run(browser.open())
                try:
                    yield lambda figures, folder: _export(run, browser, figures, folder)
                finally:
                    run(browser.close())
            finally:
                thread.submit(loop.close).result()
    except ChromeNotFoundError:
        raise BrowserMissingError(
            "exporting figures needs Chrome or Chromium, and none was found; on Debian: apt-get install chromium"
        ) from None
    except BrowserFailedError as error:
        raise BrowserMissingError(f"the browser that draws the figures did not start: {error.args[0]}") from None


def _export(
    run: Callable[[Coroutine[Any, Any, Any]], None], browser: "Kaleido", figures: Sequence[Captioned], folder: Path
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = {f"{slug(captioned.caption)}.{format_}": captioned.figure for captioned in figures for format_ in FORMATS}
    with TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:  # nobody finds half a figure
        drawn = [Path(unfinished, name) for name in files]
        entries = [
            {"fig": figure, "path": str(file), "opts": _options(file)}
            for file, figure in zip(drawn, files.values(), strict=True)
        ]
        run(browser.write_fig_from_object(entries, cancel_on_error=True))
        return [file.replace(folder / file.name) for file in drawn]


def _options(file: Path) -> dict[str, Any]:
    scale = PNG_SCALE if file.suffix == ".png" else 1
    return {"format": file.suffix[1:], "width": WIDTH, "height": HEIGHT, "scale": scale}


def slug(caption: str) -> str:
    """Return a caption as the name of a file: lower case, words joined by `-`."""
    return re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:60].rstrip("-")
