"""One self-contained HTML page of figures, plotly inside once. Opens without a network, and trusts no text."""

import html
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""Nothing is loaded from anywhere; plotly writes its own styles, and its pictures to download are blobs."""

STYLE = """
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; color: #1f2933;
       background: #fff; max-width: 1240px; margin: 1.5rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.35rem; margin: 0 0 .3rem; } p { margin: .2rem 0 1rem; max-width: 75ch; color: #52606d; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(520px, 100%), 1fr)); gap: 1.2rem 1.8rem; }
figure { margin: 0; min-width: 0; } figure.wide { grid-column: 1 / -1; }
figcaption { font-weight: 600; margin-bottom: .2rem; }
"""


class Captioned(NamedTuple):
    """A figure and what it shows, in a sentence."""

    caption: str
    figure: go.Figure
    wide: bool = False


def page(title: str, intro: str, figures: Sequence[Captioned]) -> str:
    """Return the page as one HTML document. Title, introduction and captions are text: markup in them is shown."""
    drawn = "\n".join(_figure(number, captioned) for number, captioned in enumerate(figures))
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n<script>{get_plotlyjs()}</script></head>\n"
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(intro)}</p>\n<main>\n{drawn}\n</main></body></html>\n"
    )


def _figure(number: int, captioned: Captioned) -> str:
    wide = ' class="wide"' if captioned.wide else ""
    options = {"responsive": True, "displaylogo": False}
    return (
        f'<figure{wide}><figcaption>{html.escape(captioned.caption)}</figcaption><div id="figure-{number}"></div>'
        f"<script>{{const f = {_inline(json.loads(captioned.figure.to_json()))};"
        f'Plotly.newPlot("figure-{number}", f.data, f.layout, {_inline(options)});}}</script></figure>'
    )


def _inline(value: Any) -> str:
    """Return JSON that cannot end the script it stands in."""
    text = json.dumps(value)  # ASCII alone, so line separators are escaped already
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
