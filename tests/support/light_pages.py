"""Pages without plotly.js: 0.7 MB or more a page, and pages are not what most tests are about."""

import pytest

from overthink.report import plotlyjs


def leave_out_plotlyjs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages be all but plotly.js; in a browser they show no figures."""
    monkeypatch.setattr(plotlyjs, "packed", lambda figures: "")
