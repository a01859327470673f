"""Pages without plotly.js: 4.8 MB, written three times a page, and pages are not what most tests are about."""

import pytest

from overthink.report import pages


def leave_out_plotlyjs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages be all but plotly.js; in a browser they show no figures."""
    monkeypatch.setattr(pages, "get_plotlyjs", lambda: "")
