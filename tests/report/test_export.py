"""Figures as files, drawn by the real browser."""

import asyncio
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import plotly.graph_objects as go
import pytest
from PIL import Image

from overthink.report.export import PNG_SCALE, WIDTH, BrowserMissingError, exporting, slug
from overthink.report.pages import Captioned

FIGURE = Captioned("Right, at 5%?", go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name="<script>alert(1)</script>")))


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_figure_becomes_three_files(tmp_path: Path) -> None:
    with exporting() as export:
        files = export([FIGURE, FIGURE._replace(caption="Another")], tmp_path / "figures")
        (again, *_) = export([FIGURE], tmp_path / "again")
    assert [file.name for file in files[:3]] == ["right-at-5.svg", "right-at-5.pdf", "right-at-5.png"]
    assert files[0].read_text().startswith("<svg")
    assert again.read_text().startswith("<svg")
    assert sorted((tmp_path / "again").iterdir()) == sorted(again.with_suffix(end) for end in (".svg", ".pdf", ".png"))
    assert "<script" not in files[0].read_text()
    assert files[1].read_bytes().startswith(b"%PDF")
    with Image.open(files[5]) as picture:
        assert picture.width == PNG_SCALE * WIDTH


def test_without_a_browser_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    with pytest.raises(BrowserMissingError, match="apt-get install chromium"), exporting():
        pass


def test_without_a_browser_a_sentence_in_a_notebook_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, the thread already runs an event loop."""

    async def cell() -> None:
        test_without_a_browser_a_sentence(tmp_path, monkeypatch)

    with ThreadPoolExecutor(1) as thread:  # this one may run Playwright's
        thread.submit(asyncio.run, cell()).result()


def test_the_command_starts_without_kaleido() -> None:
    code = "import overthink.cli.commands.analyse, sys; sys.exit('kaleido' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_slug_is_a_file_name() -> None:
    assert slug("Accuracy: (20%) ../../etc") == "accuracy-20-etc"
