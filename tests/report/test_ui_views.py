"""Views of MLflow's UI: which sections of charts are open."""

import json

from overthink.metrics.catalogue import CATALOGUE
from overthink.report.ui_views import OVER_EPOCHS, POLICY_COLUMNS, SINGLE_DOTS, views


def headings(state: str) -> dict[str, bool]:
    return {one["name"]: one["display"] for one in json.loads(json.loads(state)["state"])["compareRunSections"]}


def test_sections_of_single_dots_are_those_of_the_metrics_that_every_network_has() -> None:
    always = [one.name for one in CATALOGUE if not one.needs_validation and "{level}" not in one.name]
    sections = list(dict.fromkeys(name.rpartition("/")[0] for name in always))
    assert list(SINGLE_DOTS) == ["seeds", *(f"{split}/{name}" for split in ("test", "val") for name in sections)]


def test_charts_over_the_epochs_are_open_and_single_dots_are_not() -> None:
    runs, groups = map(headings, views().values())
    assert [name for name, is_open in runs.items() if is_open][-1] == "Results"
    assert {name for name, is_open in runs.items() if not is_open} == {*SINGLE_DOTS}
    assert [name for name, is_open in groups.items() if is_open] == ["Results"]


def test_charts_over_the_epochs_are_of_validation_data() -> None:
    """As docs/comparing.md says."""
    (charts,) = (some for name, some in OVER_EPOCHS.items() if name.endswith("accuracy, overthinking, loss"))
    assert all("val" in metric for chart in charts for metric in chart.metrics)


def test_views_of_policy_networks_fold_nothing() -> None:
    assert all(is_open for state in views(POLICY_COLUMNS).values() for is_open in headings(state).values())
