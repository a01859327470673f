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
    text = view.view_state(["test/accuracy/last"], ["seeds"], "mine", search="tags.`a` = 'b'")
    assert json.loads(text)["name"] == "mine"
    chosen = ["metrics.`test/accuracy/last`", "params.`seeds`"]
    assert decoded(text) == {
        "searchFilter": "tags.`a` = 'b'",
        "orderByKey": "attributes.`Created`",
        "orderByAsc": False,
        "selectedColumns": chosen,
        "columnOrder": ["attributes.`Run Name`", "runDateAndNestInfo", "duration", *chosen],
        "columnWidths": {
            "attributes.`Run Name`": 300,
            "runDateAndNestInfo": 135,
            "duration": 80,
            "metrics.`test/accuracy/last`": 134,
            "params.`seeds`": 80,
        },
        "runsHiddenMode": "FIRST_20_RUNS",
    }


CURVES = {"Curves": [view.Chart("LINE", ("v/1", "v/2"))], "Key": [view.Chart("BAR", ("a/x",))]}


def test_state_holds_sections_and_charts_in_order() -> None:
    state = decoded(view.view_state([], [], "mine", sections=CURVES))
    assert state["isAccordionReordered"] is True
    assert state["compareRunSections"] == [
        {"uuid": "s0", "name": "Curves", "display": True, "isReordered": False},
        {"uuid": "s1", "name": "Key", "display": True, "isReordered": False},
    ]
    line, bar = state["compareRunCharts"]
    assert (line["uuid"], line["metricSectionId"], line["type"]) == ("s0c0", "s0", "LINE")
    assert (line["metricKey"], line["selectedMetricKeys"]) == ("v/1", ["v/1", "v/2"])
    assert (line["lineSmoothness"], line["useGlobalLineSmoothing"], line["useGlobalXaxisKey"]) == (0, True, True)
    kept = {"isGenerated": False, "deleted": False, "runsCountToCompare": 100}
    place = {"uuid": "s1c0", "metricSectionId": "s1", "type": "BAR"}
    assert bar == place | kept | {"metricKey": "a/x", "selectedMetricKeys": ["a/x"]}


def test_folded_sections_follow_and_are_closed() -> None:
    state = decoded(view.view_state([], [], "mine", "", CURVES, ["test/a"]))
    headings = [(one["uuid"], one["name"], one["display"]) for one in state["compareRunSections"]]
    assert headings == [("s0", "Curves", True), ("s1", "Key", True), ("s2", "test/a", False)]
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == {"s0", "s1"}


def test_state_holds_no_null() -> None:
    """The UI's page breaks on one."""
    assert "null" not in view.view_state(["m"], ["p"], "mine", sections=CURVES)


@pytest.mark.parametrize("name", ["loss: a.b-c/d e", "précision/sortie_1", "準確率", 'a"b\\c', "x' OR '1", "<b>"])
def test_odd_names_come_back_unchanged(name: str) -> None:
    text = view.view_state([name], [], name)
    assert text.isascii()
    assert decoded(text)["selectedColumns"] == [f"metrics.`{name}`"]
    assert json.loads(text)["name"] == name


def test_a_backtick_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'a`b'.*no backtick in the names of params"):
        view.view_state(["m"], ["a`b"], "mine")


def test_keys_are_stable_and_distinct() -> None:
    text = view.view_state(["m"], [], "mine")
    assert view.view_key(text) == view.view_key(view.view_state(["m"], [], "mine"))
    assert view.view_key(text) != view.view_key(view.view_state(["n"], [], "mine"))
    assert view.view_key("") == "e3b0c44298fc1c14"  # sha256 of nothing


def test_key_does_not_depend_on_the_process() -> None:
    program = "from overthink.store.view import *; print(view_key(view_state(['m'], ['p'], 'mine')))"
    root = str(Path(view.__file__).parents[2])
    keys = {
        subprocess.check_output([sys.executable, "-c", program], env={"PYTHONPATH": root, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    }
    assert keys == {view.view_key(view.view_state(["m"], ["p"], "mine")).encode() + b"\n"}


def test_link_literals() -> None:
    runs = "http://127.0.0.1:5000/#/experiments/7/runs?workflowType=machine_learning"
    assert view.link("http://127.0.0.1:5000/", "7") == runs
    assert view.link("http://127.0.0.1:5000", "7", "k1") == f"{runs}&viewStateShareKey=k1"


def test_links_to_runs_from_descriptions_stay_on_the_pages_about_training() -> None:
    assert view.run_link("7", "ab", view.FIGURES) == (
        "#/experiments/7/runs/ab/artifacts/figures.html?workflowType=machine_learning"
    )


def test_link_carries_nothing_that_makes_the_ui_ignore_the_view() -> None:
    query = parse_qs(urlsplit(view.link("http://h/mlflow", "7", "k")).fragment.partition("?")[2])
    assert not {"searchFilter", "orderByKey", "orderByAsc", "startTime", "lifecycleFilter"} & set(query)


def test_the_installed_ui_knows_every_field() -> None:
    """Nothing documents these names: this fails when an MLflow that renames one is installed."""
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    scripts = Path(spec.origin).parent.glob("server/js/build/static/js/*.js")
    bundle = "".join(script.read_text() for script in scripts)
    state = decoded(view.view_state(["m"], [], "mine", sections=CURVES))
    names = {
        *state,
        *(name for part in ("compareRunSections", "compareRunCharts") for one in state[part] for name in one),
        view.TAG_PREFIX,
        "viewStateShareKey",
        "workflowType",
        "runDateAndNestInfo",
    }
    assert {name for name in names if name not in bundle} == set()
