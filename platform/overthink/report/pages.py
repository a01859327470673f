"""One self-contained HTML page of sections, with plotly in it once. Opens without a network, and escapes all text.

plotly.js is compressed, and a browser unpacks it: a page takes 0.7 MB, one with parallel coordinates 2.0 MB. Pages of a
run do not share a copy: MLflow shows a page in a frame at the address of a blob, which nothing is relative to.
"""

import base64
import html
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from overthink.report import plotlyjs

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""Nothing is loaded from anywhere; plotly writes its own styles, and its pictures to download are blobs."""

OPTIONS = {
    "responsive": True,
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
}
"""Of each figure. plotly.js would offer to send its data to a server of its makers."""

# plotly shows its buttons always where nothing can hover, over legends; beside the caption they cover nothing.
STYLE = """
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; color: #1f2933;
       background: #fff; max-width: 1240px; margin: 1.5rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.35rem; margin: 0 0 .3rem; } p { margin: .2rem 0 1rem; max-width: 75ch; color: #52606d; }
h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; border-top: 1px solid #cbd2d9; padding-top: .8rem; }
pre { background: #f5f7fa; padding: .5rem .8rem; overflow-x: auto; font-size: 13px; }
table { border-collapse: collapse; margin: .4rem 0 1.2rem; font-size: 14px; caption-side: bottom; }
caption { text-align: left; color: #52606d; padding-top: .4rem; max-width: 75ch; font-size: 13px; }
th { text-align: left; border-bottom: 1.5px solid #1f2933; padding: .2rem .8rem .2rem 0; vertical-align: bottom; }
td { border-bottom: 1px solid #e4e7eb; padding: .25rem .8rem .25rem 0; vertical-align: top; }
img { image-rendering: pixelated; max-width: 100%; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(520px, 100%), 1fr)); gap: 1.2rem 1.8rem; }
figure { margin: 0; min-width: 0; } figure.wide { grid-column: 1 / -1; }
figcaption { font-weight: 600; margin-bottom: .2rem; } figure:has(> div) figcaption { padding-right: 7.5rem; }
.js-plotly-plot .plotly .modebar { top: -1.75rem !important; }
summary { cursor: pointer; color: #52606d; margin-bottom: .6rem; }
"""

DRAW = """
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), letter => letter.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
  drawings.forEach(draw => draw());
})().catch(error => {
  const said = `This browser cannot draw the figure (${error}); browsers since 2023 can.`;
  document.querySelectorAll("figure > div:empty").forEach(place => { place.textContent = said; });
});
"""


class Captioned(NamedTuple):
    """A figure and its caption."""

    caption: str
    figure: go.Figure
    wide: bool = False


class Section(NamedTuple):
    """A part of a page, in this order. Headings, paragraphs, captions and code are text: markup in them is shown."""

    heading: str = ""
    paragraphs: Sequence[str] = ()
    code: str = ""
    tables: Sequence[str] = ()
    """HTML of our own making, with everything in it escaped: `table_files.as_html`, `grids.as_html`."""
    figures: Sequence[Captioned] = ()
    pictures: Sequence[tuple[str, bytes]] = ()
    """Captions, and PNG files."""
    is_folded: bool = False
    """Whether it shows its heading alone until a reader opens it; for what few look up."""


def page(title: str, intro: str, figures: Sequence[Captioned]) -> str:
    """Return a page of figures as one HTML document."""
    return document(title, [Section(paragraphs=[intro], figures=figures)])


def document(title: str, sections: Sequence[Section]) -> str:
    """Return the sections as one HTML document."""
    body = "\n".join(_section(number, section) for number, section in enumerate(sections))
    figures = [captioned.figure for section in sections for captioned in section.figures]
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head>\n"
        f"<body><script>const drawings = [];</script><h1>{html.escape(title)}</h1>\n{body}\n"
        f"{_drawn(figures) if figures else ''}</body></html>\n"
    )


def _drawn(figures: Sequence[go.Figure]) -> str:
    """Return plotly.js, compressed, and what unpacks it and draws the figures that stand above."""
    return f'<script type="text/plain" id="plotly">{plotlyjs.packed(figures)}</script>\n<script>{DRAW}</script>\n'


def _section(number: int, section: Section) -> str:
    figures = "\n".join(_figure(f"{number}-{place}", figure) for place, figure in enumerate(section.figures))
    heading = html.escape(section.heading)
    parts = [
        f"<h2>{heading}</h2>" if section.heading and not section.is_folded else "",
        *(f"<p>{html.escape(text)}</p>" for text in section.paragraphs),
        f"<pre>{html.escape(section.code)}</pre>" if section.code else "",
        *section.tables,
        f"<main>\n{figures}\n</main>" if figures else "",
        *(_picture(caption, content) for caption, content in section.pictures),
    ]
    body = "\n".join(filter(None, parts))
    return f"<details><summary>{heading}</summary>\n{body}\n</details>" if section.is_folded else body


def _picture(caption: str, content: bytes) -> str:
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return f'<figure><figcaption>{html.escape(caption)}</figcaption><img alt="" src="{source}"></figure>'


def _figure(number: str, captioned: Captioned) -> str:
    wide = ' class="wide"' if captioned.wide else ""
    return (
        f'<figure{wide}><figcaption>{html.escape(captioned.caption)}</figcaption><div id="figure-{number}"></div>'
        f"<script>drawings.push(() => {{const f = {_inline(json.loads(captioned.figure.to_json()))};"
        f'Plotly.newPlot("figure-{number}", f.data, f.layout, {_inline(OPTIONS)});}})</script></figure>'
    )


def _inline(value: Any) -> str:
    """Return JSON that cannot end the script it stands in."""
    text = json.dumps(value)  # ASCII alone, so line separators are escaped already
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
