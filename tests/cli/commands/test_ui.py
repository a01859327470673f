"""`overthink ui` in a real browser: the link lands on the runs, with the columns that matter."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from overthink.report.run_page import group_page
from overthink.report.ui_views import views
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from support.ports import free_port
from support.stored_runs import raw

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Iterator[str]:
    """The link that `overthink ui` prints, for a store with a group of two runs."""
    from support.marks import ONE

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    store = Store(f"sqlite:///{tmp_path}/mlflow.db")
    writer, experiment_id = Writer(store), store.experiment("quickstart", "A first look at overthinking.")
    store.offer_views(experiment_id, views())
    for run in (raw("0 1", kind=tags.KIND_GROUP), raw("0", last=0.625), raw("1", last=0.75)):
        run_id = writer.create(experiment_id, run.name, run.tags, {"variant": "short"})
        writer.log(run_id, run.metrics)
        writer.text(run_id, "figures.html", group_page("a group", [ONE]))
        writer.close(run_id, run.parsed().outcome)
    port = free_port()
    command = [sys.executable, "-m", "overthink.cli", "ui", "--no-open", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"MLflow UI: (\S+)", line):
                yield found[1]
                break
        else:
            raise AssertionError(said)
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(timeout=60) == 0


def test_the_link_lands_on_the_runs_with_the_columns_that_matter(chromium: "Browser", address: str) -> None:
    opened = chromium.new_page(viewport={"width": 1600, "height": 900})
    opened.goto(address)
    opened.get_by_text("g1 0 1").first.wait_for(timeout=120_000)
    opened.get_by_text("test/overthinking/any_later").first.wait_for()
    for shown in ("g1 0", "g1 1", "test/accuracy/last", "0.625", "0.75", "A first look at overthinking."):
        assert opened.get_by_text(shown).first.is_visible(), shown
    assert not opened.get_by_text("MLflow Assistant").first.is_visible()
    run = opened.get_by_role("link", name="g1 0 1").first.get_attribute("href") or ""
    origin, run_path = address.split("#", maxsplit=1)[0], re.sub(r"\?.*", "", run.split("#")[-1])
    opened.goto(f"{origin}#{run_path}/artifacts/figures.html?workflowType=machine_learning")
    drawn = opened.frame_locator("iframe").locator(".main-svg")
    drawn.first.wait_for(timeout=120_000)
    assert drawn.count() >= 3
    opened.close()


def test_the_server_listens_on_this_machine_alone() -> None:
    from overthink.cli.commands.ui import command, environment

    assert command(5000)[command(5000).index("--host") + 1] == "127.0.0.1"
    settings = environment("postgresql://me:secret@db/mlflow")
    assert settings["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert settings["MLFLOW_BACKEND_STORE_URI"] == "postgresql://me:secret@db/mlflow"
    assert "secret" not in " ".join(command(5000))  # anybody may read a command line
