"""plotly.js for pages, compressed: its cartesian bundle where that draws the figures, else all of it.

The Python package has the whole plotly.js alone, 1.5 MB compressed; the bundle is a third of it. It is plotly's
own file (npm's plotly.js-cartesian-dist-min) with its licence beside it; `make plotlyjs` fetches it anew.
"""

import base64
import gzip
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

BUNDLE = Path(__file__).with_name("plotly-cartesian.min.js.gz")
IN_BUNDLE = {"bar", "box", "contour", "heatmap", "histogram", "histogram2d", "image", "scatter", "violin"}
"""Kinds of traces that the bundle draws. Parallel coordinates, for one, are not among them."""


def packed(figures: Iterable[go.Figure]) -> str:
    """Return a plotly.js that draws the figures: gzip, in base64."""
    kinds = {trace.type for figure in figures for trace in figure.data}
    return _bundle() if kinds <= IN_BUNDLE else _whole()


@lru_cache(maxsize=1)
def _bundle() -> str:
    return base64.b64encode(BUNDLE.read_bytes()).decode()


@lru_cache(maxsize=1)
def _whole() -> str:
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
