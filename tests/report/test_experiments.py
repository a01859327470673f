"""The report of a store: one page, offline, with nothing in it taken for markup."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from overthink.cli.commands.report import report
from overthink.cli.commands.study import study
from overthink.cli.selection import command_again
from overthink.definition.errors import DefinitionError
from overthink.predictions.absent import needed
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from support.browser import watched
from support.repeats import by_difficulty, predictions
from support.small import definition
from support.stored_runs import parent

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<img src=x onerror='window.hurt = 1'>"


@pytest.fixture
def groups(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two groups of two seeds, one with a name that would like to be markup, and one seed missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    store = Store()
    writer, experiment, made = Writer(store), store.experiment("mine", "note"), []
    for variant, seeds in (("plain", "0:2"), (HOSTILE, "0:3")):
        common = {tags.DEFINITION: "mine", tags.VARIANT: variant, tags.GROUP_KEY: variant[:5]}
        group_tags = {**common, tags.KIND: tags.KIND_GROUP, tags.SEEDS: seeds}
        made.append(writer.create(experiment, f"mine: {variant}", group_tags, {}))
        writer.close(made[-1], tags.FINISHED)
        for seed, one in enumerate(predictions(by_difficulty(2, 60))):
            own = {**common, tags.KIND: tags.KIND_RUN, tags.SEEDS: str(seed), tags.RUN_KEY: f"{variant[:5]}{seed}"}
            run = writer.create(experiment, f"seed {seed} · {variant} · mine", own, {})
            one.write(tmp_path / "test.parquet")
            writer.artifacts(run, [tmp_path / "test.parquet"], "predictions")
            writer.text(run, tags.PROVENANCE_FILE, {"versions": {"torch": HOSTILE}})
            writer.log(run, {"test/accuracy/last": 0.5 + seed / 10, "test/oracle/accuracy": 0.9}, 0)
            writer.close(run, tags.FINISHED)
    return made


def test_a_margin_reaches_the_page(groups: list[str], tmp_path: Path) -> None:
    assert groups
    report(["mine"], tmp_path / "report.html", "plain", margin=2.5)
    assert "Equal within" not in (tmp_path / "report.html").read_text()  # all seeds differ alike: nothing is tested
    assert "a true difference as large as the margin" in (tmp_path / "report.html").read_text()


def test_one_page_of_everything(groups: list[str], tmp_path: Path) -> None:
    assert report(["mine"], tmp_path / "report.html", "plain") == 3  # a seed is missing
    text = (tmp_path / "report.html").read_text()
    for expected in ("overthink run mine", "55.00 ± 7.07", "missing: seed 2", "60 test samples.", "torch"):
        assert expected in text
    assert HOSTILE not in text
    assert text.count('<script type="text/plain" id="plotly">') == 1
    assert "Seeds for 80%" in text
    for group in groups:
        assert Store().artifact(group, tags.REPORT_PAGE, tmp_path / "back").read_text() == text
    report(["mine"], tmp_path / "some.html", where="seed=0")
    for group in groups:  # a page of some runs replaces none of all
        assert Store().artifact(group, tags.REPORT_PAGE, tmp_path / "back").read_text() == text


def test_tables_are_as_asked_for(groups: list[str], tmp_path: Path) -> None:
    """The summary and the figures stay those of the groups."""
    page, metric = tmp_path / "report.html", "accuracy/last"
    report(["mine"], page, metrics=[metric, "oracle/accuracy"], sort=f"-{metric}")
    chosen = page.read_text()
    table = chosen[chosen.index("<table>") : chosen.index("</table>")]
    assert "Oracle" in table
    assert "any later" not in table
    assert "4 finished runs of 2 groups" in chosen
    report(["mine"], page, by="definition")
    assert re.search(r"<td>[^<]*mine</td>", page.read_text().replace("<br>", " "))
    with pytest.raises(DefinitionError, match="--by nothing: not one of variant"):
        report(["mine"], page, by="nothing")
    with pytest.raises(DefinitionError, match="--sort oracle/accuracy: not one of group, n, test/accuracy/last"):
        report(["mine"], page, metrics=[metric], sort="oracle/accuracy")
    with pytest.raises(DefinitionError, match="--metric acuracy/last: no run has this metric"):
        report(["mine"], page, metrics=["acuracy/last"])


def test_what_cannot_be_written(groups: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere does not exist"):
        report(["mine"], tmp_path / "nowhere" / "report.html")
    with pytest.raises(ValueError, match="no row is called 'other'"):
        report(["mine"], tmp_path / "report.html", "other")
    assert not (tmp_path / "report.html").exists()
    with pytest.raises(DefinitionError, match="no runs in the store"):
        report(["quickstart"], tmp_path / "report.html")


def test_an_id_is_reported_with_the_command_that_repeats_it(
    groups: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group's id stands for its runs, too: none of them is missing. A title says what the id is of."""
    assert report([groups[0]], tmp_path / "report.html") == 0
    assert "also artifact analysis/report.html of 1 group\n" in capsys.readouterr().err
    text = (tmp_path / "report.html").read_text()
    assert "overthink run mine<" in text
    assert "55.00 ± 7.07" in text
    run = next(run for run in Store().search("") if run.name == "seed 1 · plain · mine")
    assert report([run.run_id[:8]], tmp_path / "report.html") == 0
    text = (tmp_path / "report.html").read_text()
    assert f"overthink run run:{run.run_id}<" in text
    assert "<h1>seed 1 · plain · mine</h1>" in text
    assert "seed 1 · plain · mine: multi-exit networks" in text
    assert "mine: plain<br>seed 1" in text
    assert '"name": "plain seed 1"' in text
    assert "artifact" not in capsys.readouterr().err


def test_the_command_of_a_group_with_other_values() -> None:
    group = parent("0", more={tags.CHANGES: "regime.0.drops=[1, 2], network.growth=4"})
    assert command_again(group.run_id, [group]) == (
        "overthink run quickstart --set 'regime.0.drops=[1, 2]' --set network.growth=4"
    )
    plain = parent("0", started_ms=1)
    assert command_again("quickstart", [plain]) == "overthink run quickstart"
    assert command_again("quickstart", []) == "overthink run quickstart"
    assert command_again("quickstart", [plain, group]).splitlines() == [
        "overthink run quickstart --set 'regime.0.drops=[1, 2]' --set network.growth=4",
        "overthink run quickstart",
    ]


def test_what_was_run_with_other_values_alone(groups: list[str], tmp_path: Path) -> None:
    """A definition of which the store has other versions was run, though not as it is written."""
    path = str(definition(tmp_path, name="mine"))  # none of whose groups is stored
    Store().client.set_tag(groups[0], tags.CHANGES, "network.growth=4")
    said = f"as it is now, but of other versions; .*{groups[0][:8]} \\(network.growth=4\\)"
    with pytest.raises(DefinitionError, match=said):
        report([path], tmp_path / "report.html")
    with pytest.raises(DefinitionError, match=said):
        study(path, as_json=True)
    assert report([groups[0]], tmp_path / "report.html") == 0
    assert "overthink run mine --set network.growth=4<" in (tmp_path / "report.html").read_text()


def test_a_baseline_that_one_of_two_has(groups: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one that has it shows differences, the other says why not."""
    store = Store()
    writer, experiment = Writer(store), store.experiment("other", "note")
    common = {tags.DEFINITION: "other", tags.VARIANT: "base", tags.GROUP_KEY: "other"}
    own = {**common, tags.KIND: tags.KIND_RUN, tags.SEEDS: "0", tags.RUN_KEY: "other 0"}
    run = writer.create(experiment, "seed 0 · base · other", own, {})
    writer.text(run, tags.PROVENANCE_FILE, {"versions": {"torch": "2"}})
    writer.log(run, {"test/accuracy/last": 0.5}, 0)
    writer.close(run, tags.FINISHED)
    assert report(["mine", "other"], tmp_path / "report.html", "plain") == 3
    assert "No differences shown: other: no row is called 'plain'" in capsys.readouterr().err
    text = (tmp_path / "report.html").read_text()
    assert "Δ" in text
    assert "overthink run other" in text
    with pytest.raises(ValueError, match="mine: no row is called 'nowhere'"):
        report(["mine", "other"], tmp_path / "report.html", "nowhere")


def test_runs_that_were_tested_on_other_samples(groups: list[str], tmp_path: Path) -> None:
    """They are reported, with intervals over seeds alone; equal ids with other labels are other samples, too."""
    store = Store()
    (seed_1,) = (run for run in store.search("") if run.name == "seed 1 · plain · mine")
    report([groups[0]], tmp_path / "report.html")
    assert "60 test samples." in (tmp_path / "report.html").read_text()
    more = predictions(by_difficulty(1, 70))[0]
    relabelled = predictions(by_difficulty(1, 60))[0]
    for other in (more, replace(relabelled, labels_N=(needed(relabelled.labels_N, "labels") + 1) % 4)):
        other.write(tmp_path / "test.parquet")
        Writer(store).artifacts(seed_1.run_id, [tmp_path / "test.parquet"], "predictions")
        assert report([groups[0]], tmp_path / "report.html") == 0
        text = (tmp_path / "report.html").read_text()
        assert "not tested on the same samples" in text
        assert "60 test samples." not in text
        assert "because its runs were tested on different samples" in text


@pytest.mark.browser
def test_a_browser_shows_it_offline(groups: list[str], chromium: "Browser", tmp_path: Path) -> None:
    report(["mine"], tmp_path / "report.html")
    page, complaints, requests = watched(chromium)
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_function("document.querySelectorAll('figure .main-svg').length >= 6")
    assert page.evaluate("[...document.querySelectorAll('figure')].every(f => f.querySelector('.main-svg'))")
    assert page.evaluate("window.hurt") is None
    assert page.locator("table").count() == 3
    assert complaints == []
    assert requests == []
