"""A saved view holds what was asked for, in the form that MLflow's UI reads."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from overthink.store import view


def decoded(tag_value: str) -> dict[str, Any]:
    """The state in a view's tag, taken out as the UI takes it."""
    envelope = json.loads(tag_value)
    assert isinstance(envelope["name"], str)
    assert isinstance(envelope["createdAt"], int)
    state = json.loads(envelope["state"])
    assert isinstance(state, dict)
    return state


def test_state_decodes_to_the_intended_fields() -> None:
    text = view.view_state(["test/accuracy/last"], ["seeds"], ["overthink.kind"], name="mine", ascending=True)
    assert json.loads(text)["name"] == "mine"
    chosen = ["metrics.`test/accuracy/last`", "params.`seeds`", "tags.`overthink.kind`"]
    assert decoded(text) == {
        "searchFilter": "",
        "orderByKey": "attributes.`Created`",
        "orderByAsc": True,
        "selectedColumns": chosen,
        "columnOrder": ["attributes.`Run Name`", "runDateAndNestInfo", "duration", *chosen],
        "columnWidths": {
            "attributes.`Run Name`": 240,
            "runDateAndNestInfo": 135,
            "duration": 80,
            "metrics.`test/accuracy/last`": 134,
            "params.`seeds`": 80,
            "tags.`overthink.kind`": 110,
        },
        "runsHiddenMode": "FIRST_20_RUNS",
    }


def test_state_holds_sections_and_charts_in_order() -> None:
    sections = [
        view.Section("Key", (view.Chart("BAR", ("a/x",)), view.Chart("SCATTER", ("a/x", "a/y")))),
        view.Section("Curves", (view.Chart("LINE", ("v/1", "v/2")),)),
        view.Section("a", unfolded=False),
    ]
    kept = {"isGenerated": False, "deleted": False, "runsCountToCompare": 100}
    state = decoded(view.view_state([], sections=sections))
    assert state["isAccordionReordered"] is True
    assert state["compareRunSections"] == [
        {"uuid": "s0", "name": "Key", "display": True, "isReordered": False},
        {"uuid": "s1", "name": "Curves", "display": True, "isReordered": False},
        {"uuid": "s2", "name": "a", "display": False, "isReordered": False},
    ]
    bar, scatter, line = state["compareRunCharts"]
    place = {"uuid": "s0c0", "metricSectionId": "s0", "type": "BAR"}
    assert bar == place | kept | {"metricKey": "a/x", "selectedMetricKeys": ["a/x"]}
    axes = {"xaxis": {"key": "a/x", "type": "METRIC"}, "yaxis": {"key": "a/y", "type": "METRIC"}}
    assert scatter == {"uuid": "s0c1", "metricSectionId": "s0", "type": "SCATTER"} | kept | axes
    assert (line["uuid"], line["metricSectionId"], line["type"]) == ("s1c0", "s1", "LINE")
    assert (line["metricKey"], line["selectedMetricKeys"]) == ("v/1", ["v/1", "v/2"])
    assert (line["lineSmoothness"], line["useGlobalLineSmoothing"], line["useGlobalXaxisKey"]) == (
        0,
        True,
        True,
    )


def test_state_holds_no_null() -> None:
    """The UI's page breaks on one."""
    assert "null" not in view.view_state(["m"], sections=view.default_sections(5, ["test/accuracy"]))


@pytest.mark.parametrize("name", ["loss: a.b-c/d e", "précision/sortie_1", "準確率", 'a"b\\c', "x' OR '1", "<b>"])
def test_odd_names_come_back_unchanged(name: str) -> None:
    text = view.view_state([name], sections=[view.Section(name, (view.Chart("LINE", (name,)),))], name=name)
    assert text.isascii()
    state = decoded(text)
    assert state["selectedColumns"] == [f"metrics.`{name}`"]
    assert state["compareRunCharts"][0]["metricKey"] == name
    assert state["compareRunSections"][0]["name"] == json.loads(text)["name"] == name


def test_a_backtick_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'a`b'.*no backtick in the names of params"):
        view.view_state(["m"], ["a`b"])


def test_key_is_stable_and_tells_views_apart() -> None:
    text = view.view_state(["m"], sections=view.default_sections(2))
    assert view.view_key(text) == view.view_key(view.view_state(["m"], sections=view.default_sections(2)))
    assert view.view_key(text) != view.view_key(view.view_state(["m"], sections=view.default_sections(3)))
    assert view.view_key("") == "e3b0c44298fc1c14"  # sha256 of nothing


def test_key_does_not_depend_on_the_process() -> None:
    program = "from overthink.store.view import *; print(view_key(view_state(['m'], sections=default_sections(2))))"
    root = str(Path(view.__file__).parents[2])
    keys = {
        subprocess.check_output([sys.executable, "-c", program], env={"PYTHONPATH": root, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    }
    assert keys == {view.view_key(view.view_state(["m"], sections=view.default_sections(2))).encode() + b"\n"}


def test_link_literals() -> None:
    runs = "http://127.0.0.1:5000/#/experiments/7/runs?workflowType=machine_learning"
    assert view.link("http://127.0.0.1:5000/", "7") == runs
    assert view.link("http://127.0.0.1:5000", "7", "k1") == f"{runs}&viewStateShareKey=k1"
    assert view.link("http://127.0.0.1:5000", "7", "k1", charts=True) == (
        f"{runs}&viewStateShareKey=k1&compareRunsMode=CHART"
    )


def test_link_carries_nothing_that_makes_the_ui_ignore_the_view() -> None:
    query = parse_qs(urlsplit(view.link("http://h/mlflow", "7", "k", charts=True)).fragment.partition("?")[2])
    assert not {"searchFilter", "orderByKey", "orderByAsc", "startTime", "lifecycleFilter"} & set(query)


def test_default_sections() -> None:
    numbers, curves, folded = view.default_sections(2, ["test/accuracy"])
    assert [chart.kind for chart in numbers.charts] == ["BAR", "BAR", "BAR", "SCATTER"]
    assert [chart.metrics for chart in curves.charts] == [
        ("epochs/train_loss",),
        ("epochs/val_accuracy/exit_1",),
        ("epochs/val_accuracy/exit_2",),
    ]
    assert folded == view.Section("test/accuracy", (), unfolded=False)


def test_ten_exits_fit_into_a_tag() -> None:
    columns = [
        "test/accuracy/last",
        "test/overthinking/any_later",
        "test/overthinking/final",
        "test/oracle/accuracy",
    ]
    text = view.view_state(columns, ["variant", "seeds"], sections=view.default_sections(10, ["test/accuracy"]))
    assert len(text) < 20_000


def test_the_installed_ui_knows_every_field() -> None:
    """Nothing documents these names: this fails when an MLflow that renames one is installed."""
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    scripts = Path(spec.origin).parent.glob("server/js/build/static/js/*.js")
    bundle = "".join(script.read_text() for script in scripts)
    state = decoded(view.view_state(["m"], sections=view.default_sections(1)))
    fields = {
        *state,
        *state["compareRunSections"][0],
        *(key for chart in state["compareRunCharts"] for key in chart),
    }
    names = {
        *fields,
        view.TAG_PREFIX,
        "viewStateShareKey",
        "workflowType",
        "compareRunsMode",
        "runDateAndNestInfo",
    }
    assert {name for name in names if name not in bundle} == set()
