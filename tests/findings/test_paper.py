"""The files of the paper, made from a store of small trainings: its numbers are those that the command prints."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from findings.before import is_about
from findings.errors import FindingsError
from findings.paper import Template, digest, page_of, parsed, written

from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.writer import Writer
from support.command import invoke
from support.launches import launch_inline
from support.light_pages import leave_out_plotlyjs
from support.small import small

COMPARE = "compare small --against short --format json"
ANY_LATER = "table > rows > long > estimates > test/overthinking/any_later"
TEXT = f"""---
train: [small.yaml]
answers:
  table: {COMPARE}
figures:
  overthinking: figure overthinking small --columns 2
  other: figure depth small
---
# Small

Any later is {{{{ "{ANY_LATER}" | percent }}}}, n = {{{{ "{ANY_LATER}" | n }}}} ({{{{ command("table") }}}}).
{{% call claim(undecided("{ANY_LATER}", 0.2)) %}}
It is not told apart from a fifth.
{{% endcall %}}

{{% for source in sources %}}
{{{{ source.definition }}}}: {{{{ source.runs | short }}}}, {{{{ source.kernels }}}}, {{{{ source.trained }}}}
{{% endfor %}}
{{% if "small.yaml" in finished %}}
{{{{ figure("overthinking", "Both variants.") }}}}
{{% endif %}}
{{% if "quickstart" in finished %}}
{{{{ "nothing" | cell }}}}
{{% endif %}}
"""
VARIANTS = {"short": {}, "long": {"regime.0.epochs": 4}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A folder with a store of two groups of three runs each."""
    folder = tmp_path_factory.mktemp("findings")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        outcomes = launch_inline(Store(f"sqlite:///{folder}/mlflow.db"), [small(folder, seeds=3, variants=VARIANTS)])
        assert outcomes.complete, outcomes.messages
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    leave_out_plotlyjs(monkeypatch)
    return folder


def evidence_in(docs: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((docs / "findings/evidence.json").read_text())
    return found


def row_of(folder: Path, variant: str) -> dict[str, Any]:
    document = json.loads(invoke(folder, *COMPARE.split()).stdout)
    (row,) = (row for row in document["rows"] if row["short_name"] == variant)
    return dict(row)


def test_the_page_has_the_numbers_that_the_command_prints(here: Path, tmp_path: Path) -> None:
    written(parsed(TEXT), tmp_path)
    row = row_of(here, "long")
    found = row["estimates"]["test/overthinking/any_later"]
    value, low, high = (f"{100 * found[name]:.1f}" for name in ("mean", "low", "high"))
    page = (tmp_path / "findings.md").read_text()
    assert f"Any later is {value}% [{low}, {high}], n = 3 (`overthink {COMPARE}`)." in page
    assert "It is not told apart from a fifth." in page
    repeat = "`overthink figure overthinking small --columns 2 -o overthinking.svg`"
    assert f"![Both variants.](findings/overthinking.svg)\n\n*Both variants.* {repeat}" in page
    number = evidence_in(tmp_path)["numbers"][ANY_LATER]
    assert (number["value"], number["low"], number["high"]) == (found["mean"], found["low"], found["high"])
    assert number["runs"] == row["run_ids"]


def test_the_evidence_names_all_runs_what_computed_them_and_the_figures(here: Path, tmp_path: Path) -> None:
    written(parsed(TEXT), tmp_path)
    evidence = evidence_in(tmp_path)
    (source,) = evidence["sources"]
    assert sorted(source["runs"]) == sorted([*row_of(here, "long")["run_ids"], *row_of(here, "short")["run_ids"]])
    assert re.fullmatch(r"torch \([\w. ]+\)", source["kernels"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", source["trained"])
    assert f"small.yaml: {source['runs'][0][:8]} {source['runs'][1][:8]}" in (tmp_path / "findings.md").read_text()
    figure = tmp_path / "findings/overthinking.svg"
    assert evidence["figures"] == {"overthinking": digest(figure)}
    assert "long" in figure.read_text()
    assert len(figure.with_suffix(".csv").read_text().splitlines()) == 1 + 2 * 2 * 3  # groups, definitions, exits


def test_the_evidence_alone_makes_the_same_page_and_a_changed_number_is_found(here: Path, tmp_path: Path) -> None:
    template = parsed(TEXT)
    written(template, tmp_path)
    evidence, page = evidence_in(tmp_path), (tmp_path / "findings.md").read_text()
    assert page_of(template, evidence) == page
    evidence["numbers"][ANY_LATER]["value"] += 0.001
    assert page_of(template, evidence) != page
    evidence["numbers"][ANY_LATER]["high"] = 0.19
    with pytest.raises(FindingsError, match="does not support this sentence: It is not told apart from a fifth"):
        page_of(template, evidence)
    del evidence["numbers"][ANY_LATER]
    with pytest.raises(FindingsError, match=r"any_later: not in evidence.json; make findings writes it anew"):
        page_of(template, evidence)


def test_what_is_not_in_the_store_is_not_finished(here: Path, tmp_path: Path) -> None:
    template = parsed(TEXT)._replace(train=("small.yaml", "quickstart"))
    written(template, tmp_path)
    evidence = evidence_in(tmp_path)
    assert [source["complete"] for source in evidence["sources"]] == [True, False]
    assert evidence["sources"][1]["runs"] == []
    evidence["sources"][1]["complete"] = True
    with pytest.raises(FindingsError, match="nothing: not in evidence"):
        page_of(template, evidence)


def test_what_a_later_store_lacks_is_kept(
    here: Path, tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = parsed(TEXT.replace(" small ", " small.yaml "))
    written(template, tmp_path)
    path = tmp_path / "findings/evidence.json"
    path.write_text(path.read_text().replace('"made": "20', '"made": "19'))
    before, page = evidence_in(tmp_path), (tmp_path / "findings.md").read_text()
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    written(template, tmp_path)
    after = evidence_in(tmp_path)
    assert (tmp_path / "findings.md").read_text() == page
    assert after["made"] > before["made"]
    assert all(after[name] == before[name] for name in ("numbers", "figures"))
    assert [source["made"][:2] for source in after["sources"]] == ["19"]
    path.write_text(path.read_text().replace(ANY_LATER, "table > rows"))
    with pytest.raises(FindingsError, match=r"any_later: not in evidence\.json"):
        written(template, tmp_path)


def test_what_the_store_has_is_looked_up_anew(here: Path, tmp_path: Path) -> None:
    written(parsed(TEXT), tmp_path)
    path = tmp_path / "findings/evidence.json"
    evidence = path.read_text()
    path.write_text(evidence.replace('"n": 3', '"n": 2'))
    written(parsed(TEXT), tmp_path)
    assert path.read_text() == evidence


def test_a_command_is_about_the_definition_of_a_run_that_it_names() -> None:
    assert is_about("labels 'seed 0 · base · small' --json", {"small"})
    assert not is_about("compare small-too --against small", {"base", "too"})


def changed(text: str, **answers: str) -> Template:
    template = parsed(TEXT)
    return template._replace(text=text, answers=template.answers | answers)


@pytest.mark.parametrize(
    "template, said",
    [
        (
            changed('{{ "table > rows > lnog" | cell }}'),
            "rows > lnog: 0 of 2 elements are 'lnog'; did you mean",
        ),
        (changed('{{ "tables > rows" | cell }}'), "tables > rows: no answer is called 'tables'"),
        (changed('{{ "other > 1" | cell }}', other="study smal --json"), "overthink study smal --json: error: "),
        (changed('{{ "other > 1" | cell }}', other="study small --jsn"), "No such option: --jsn"),
    ],
)
def test_what_the_store_does_not_have_is_one_sentence(
    here: Path, tmp_path: Path, template: Template, said: str
) -> None:
    with pytest.raises(FindingsError, match=re.escape(said)) as raised:
        written(template, tmp_path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "findings.md").exists()


def test_a_missing_run_is_one_sentence(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    store = Store(f"sqlite:///{tmp_path}/mlflow.db")
    assert launch_inline(store, [small(tmp_path, seeds=2, variants=VARIANTS)]).complete
    Writer(store).delete(next(run.run_id for run in all_runs(store) if not run.is_group))
    with pytest.raises(FindingsError, match="compare small --against short --format json: runs are missing or unfin"):
        written(parsed(TEXT), tmp_path / "docs")


def test_numbers_of_a_paper_are_those_of_the_definition(here: Path, tmp_path: Path) -> None:
    reference = "thesis > 50-plain > test/overthinking/any_later"
    written(changed(f'{{{{ "{reference}" | cell(2) }}}}', thesis="reported table-3-1-cifar100"), tmp_path)
    assert (tmp_path / "findings.md").read_text() == "17.93"
