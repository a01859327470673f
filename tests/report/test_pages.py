"""Pages as a browser has them: no network, no foreign markup, all figures drawn."""

import base64
import gzip
import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from overthink.report import plotlyjs
from overthink.report.pages import Captioned, Section, document, page
from overthink.report.run_page import group_page, run_page
from support.browser import watched
from support.marks import ONE, TWO, predictions, record

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BAR_ABOVE_FIGURE = (".modebar", "bottom"), ("svg", "top")
"""So that plotly's buttons cover no legend."""
HOSTILE = '</script><script>window.hurt = 1</script><img src=x onerror="window.hurt = 2">'


def hostile_page() -> str:
    figure = go.Figure(go.Scatter(y=[1, 2], name=HOSTILE), layout={"title": HOSTILE})
    return page(HOSTILE, HOSTILE, [Captioned(HOSTILE, figure)])


def plotly_of(text: str) -> str:
    (packed,) = re.findall(r'<script type="text/plain" id="plotly">(.*?)</script>', text)
    return gzip.decompress(base64.b64decode(packed)).decode()


def test_everything_is_inside_and_once() -> None:
    text = run_page("a run", ONE, [record(1, 1, 0.1), record(2, 1, 0.1)])
    assert "plotly.js (cartesian" in plotly_of(text)[:100]
    assert not re.findall(r"(?:src|href)\s*=", text)
    assert "unsafe-eval" not in text
    assert len(text) < 800_000
    assert text == run_page("a run", ONE, [record(1, 1, 0.1), record(2, 1, 0.1)])
    assert len(document("a page", [Section(paragraphs=["without figures"])])) < 10_000


def test_what_the_bundle_does_not_draw_has_all_of_plotlyjs() -> None:
    coordinates = go.Figure(go.Parcoords(dimensions=[{"values": [1, 2]}]))
    assert plotly_of(page("a sweep", "", [Captioned("trials", coordinates)])) == get_plotlyjs()


def test_the_bundle_is_of_the_version_that_is_installed() -> None:
    """A new plotly in the lock fails here: `make plotlyjs`."""
    version = re.compile(r"plotly\.js [^\n]*v([\d.]+)")
    whole = version.search(get_plotlyjs()[:200])
    bundle = version.search(gzip.decompress(plotlyjs.BUNDLE.read_bytes())[:200].decode())
    assert whole is not None
    assert bundle is not None
    assert bundle.group(1) == whole.group(1)


def test_foreign_text_is_never_markup() -> None:
    text = hostile_page()
    assert "<img" not in text
    assert len(re.findall("<script[ >]", text)) == text.count("</script>")


@pytest.mark.browser
def test_a_browser_draws_every_figure_offline(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    path.write_text(run_page("a run", ONE, [record(1, 1, 0.1), record(2, 1, 0.1)]))
    opened, complaints, requests = watched(chromium)
    opened.goto(path.as_uri())
    opened.wait_for_function("document.querySelectorAll('figure .main-svg').length >= 5")
    assert opened.locator("figure").count() == 5
    assert opened.evaluate("[...document.querySelectorAll('figure')].every(f => f.querySelector('.main-svg'))")
    assert complaints == []
    assert requests == []
    end, start = ("f.querySelector('{}').getBoundingClientRect().{}".format(*one) for one in BAR_ABOVE_FIGURE)
    assert opened.evaluate(f"[...document.querySelectorAll('figure')].every(f => {end} <= {start})")
    buttons = opened.evaluate("[...document.querySelectorAll('.modebar-btn')].map(b => b.getAttribute('data-title'))")
    assert {*buttons} == {"Download plot as a PNG", "Zoom", "Pan", "Reset axes"}  # none shares data with a server


@pytest.mark.browser
def test_a_browser_runs_nothing_foreign(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(hostile_page())
    opened = chromium.new_page()
    opened.goto(path.as_uri())
    opened.wait_for_function("document.querySelectorAll('figure .main-svg').length >= 1")
    assert opened.evaluate("window.hurt") is None
    assert HOSTILE in opened.title()


@pytest.mark.browser
def test_an_old_browser_says_so(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "group.html"
    path.write_text(group_page("a group", [ONE]))
    opened = chromium.new_page()
    opened.add_init_script("delete window.DecompressionStream")
    opened.goto(path.as_uri())
    opened.get_by_text("This browser cannot draw the figure").first.wait_for()
    assert opened.get_by_text("browsers since 2023 can").count() == 3


def test_a_group_of_one_and_of_many() -> None:
    assert "Means over 1 run," in group_page("a group", [ONE])
    assert "Means over 2 runs" in group_page("a group", [ONE, TWO])
    assert "a group (n = 2)" in group_page("a group", [ONE, TWO])


@pytest.mark.browser
def test_a_sandboxed_frame_draws_every_figure(chromium: "Browser", tmp_path: Path) -> None:
    """MLflow shows pages in a frame that may run scripts and nothing else."""
    path = tmp_path / "frame.html"
    inside = html.escape(group_page("a group", [ONE, TWO]))
    path.write_text(
        f'<!doctype html><iframe sandbox="allow-scripts" width="900" height="900" srcdoc="{inside}"></iframe>'
    )
    opened, complaints, _ = watched(chromium)
    opened.goto(path.as_uri())
    frame = opened.frame_locator("iframe")
    frame.locator("figure").nth(2).locator(".main-svg").first.wait_for()
    assert frame.locator("figure").count() == 3
    assert complaints == []


@pytest.mark.browser
def test_a_level_name_from_a_file_is_text_in_a_figure(chromium: "Browser", tmp_path: Path) -> None:
    link = '<a href="https://example.org/">easy</a>'
    path = tmp_path / "levels.html"
    path.write_text(group_page("a group", [predictions(["10", "01"], [0, 1], (link, "hard"))]))
    opened = chromium.new_page()
    opened.goto(path.as_uri())
    opened.wait_for_function("document.querySelectorAll('figure .main-svg').length >= 3")
    assert opened.locator("svg a").count() == 0
    assert opened.locator("svg .legendtext", has_text=link).count() == 1
