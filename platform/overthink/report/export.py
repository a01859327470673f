"""Figures as files for papers: PNG, SVG and PDF, drawn by kaleido in a browser that is on this machine."""

import re
from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from overthink.report.pages import Captioned

FORMS = ("svg", "pdf", "png")
WIDTH, HEIGHT, PNG_SCALE = 720, 460, 3


class BrowserMissingError(OSError):
    """There is no Chrome or Chromium to draw with."""


def export(figures: Sequence[Captioned], folder: Path) -> list[Path]:
    """Write each figure once a form, named by its caption, and return the files.

    Raises BrowserMissingError where no Chrome or Chromium is installed, OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{slug(captioned.caption)}.{form}" for captioned in figures for form in FORMS]
    drawn = [captioned.figure for captioned in figures for _ in FORMS]
    _write(drawn, files)
    return files


def _write(figures: Sequence[go.Figure], files: Sequence[Path]) -> None:
    import kaleido  # type: ignore[import-untyped]
    from choreographer.errors import BrowserFailedError, ChromeNotFoundError

    entries = [
        {
            "fig": figure,
            "path": str(file),
            "opts": {
                "format": file.suffix[1:],
                "width": WIDTH,
                "height": HEIGHT,
                "scale": PNG_SCALE if file.suffix == ".png" else 1,
            },
        }
        for figure, file in zip(figures, files, strict=True)
    ]
    try:
        # Without MathJax, which it would fetch from the network.
        kaleido.write_fig_from_object_sync(entries, cancel_on_error=True, kopts={"mathjax": False})
    except ChromeNotFoundError:
        raise BrowserMissingError(
            "drawing figures as files needs Chrome or Chromium, and none was found; "
            "on Debian, apt-get install chromium puts one there"
        ) from None
    except BrowserFailedError as error:
        raise BrowserMissingError(f"the browser that figures are drawn with did not start: {error.args[0]}") from None


def slug(caption: str) -> str:
    """Return a caption as the name of a file: lower case, words joined by `-`."""
    return re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:60].rstrip("-")
