"""Saved views of MLflow's UI: the columns, order and charts with which the runs of an experiment open.

Without one, MLflow lands on a page about language models, shows no metric in its table and draws a chart for
every metric. A view is an experiment tag `TAG_PREFIX + key`, opened by `link`. What follows was read in the bundle
of MLflow 3.17.2 and tried in a browser: a field left out takes the UI's default, a column or chart of a metric that
no run has stays away, `null` or an unknown `order_by` breaks the page. Which runs are unfolded, pinned or hidden,
the UI drops from every view.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

TAG_PREFIX = "mlflow.sharedViewState."

# Both put the newest run first. Only under its own spelling of this key does MLflow nest children, and nested they
# are folded, hence missing from the charts too. Any other spelling lists all runs: a parent, being older than its
# children, stands below them.
CREATED_NESTED = "attributes.start_time"
CREATED_FLAT = "attributes.`Created`"

_RUN_NAME, _CREATED, _DURATION = "attributes.`Run Name`", "runDateAndNestInfo", "duration"
_WIDTHS = {_RUN_NAME: 240, _CREATED: 135, _DURATION: 80}  # pixels


class Chart(NamedTuple):
    """Bars or lines of each metric, or the second metric over the first (SCATTER). MLflow writes the names above it."""

    kind: Literal["BAR", "LINE", "SCATTER"]
    metrics: tuple[str, ...]


class Section(NamedTuple):
    """Charts under a heading, folded away unless `unfolded`.

    A metric that is no bars' or lines' first one gets a chart from MLflow, in the section named like its prefix
    ("val/accuracy" for "val/accuracy/exit_1"), which MLflow appends, unfolded, where there is none.
    """

    name: str
    charts: tuple[Chart, ...] = ()
    unfolded: bool = True


Kind = Literal["metrics", "params", "tags"]


def column(kind: Kind, name: str) -> str:
    """Return MLflow's name of a column, which is also the key to order by it: metrics.`test/accuracy/last`.

    Raises ValueError for a backtick in the name.
    """
    if "`" in name:
        raise ValueError(f"{name!r} cannot be a column: MLflow allows no backtick in the names of {kind}.")
    return f"{kind}.`{name}`"


def view_state(
    columns: Sequence[str],
    parameters: Sequence[str] = (),
    tags: Sequence[str] = (),
    *,
    name: str = "overthink",
    order_by: str = CREATED_FLAT,
    ascending: bool = False,
    search: str = "",
    sections: Sequence[Section] = (),
) -> str:
    """Return the value of a view's tag; the UI lists it in its menu Views as `name`.

    The table shows the run's name, Created, Duration, then the metrics `columns`, the `parameters` and the `tags`,
    in this order, and neither Source nor Models nor Dataset. `order_by` is `CREATED_FLAT`, `CREATED_NESTED` or a
    `column`; `search` is a filter in MLflow's language. Without `sections` MLflow makes its own charts. Equal
    arguments give equal text. MLflow 3.17 takes at most 20,000 characters.
    """
    names: list[tuple[Kind, str]] = [("metrics", key) for key in columns]
    names += [("params", key) for key in parameters]
    names += [("tags", key) for key in tags]
    widths = {column(kind, key): max(80, 6 * len(key) + 26) for kind, key in names}  # fits the header, in pixels
    state: dict[str, Any] = {
        "searchFilter": search,
        "orderByKey": order_by,
        "orderByAsc": ascending,
        "selectedColumns": [*widths],
        "columnOrder": [*_WIDTHS, *widths],
        "columnWidths": _WIDTHS | widths,
        "runsHiddenMode": "FIRST_20_RUNS",
    }
    if sections:
        state |= _charts(sections)
    # These times only order the menu; real ones would give every writing another text, and so another key.
    return _text({"name": name, "createdAt": 0, "updatedAt": 0, "state": _text(state)})


def view_key(state: str) -> str:
    """Return the key of a view: equal for equal text, on every machine."""
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def link(base_url: str, experiment_id: str, key: str | None = None, *, charts: bool = False) -> str:
    """Return the address of an experiment's runs in the view `key`, as a table or as charts.

    Put no order or filter beside the key: MLflow then ignores the view. It adds them itself once the page is open,
    so that the view is gone after a reload or Back, unless the reader has pressed "Override saved view", which makes
    it their browser's own.
    """
    query = {"workflowType": "machine_learning"}
    if key is not None:
        query["viewStateShareKey"] = key
    if charts:
        query["compareRunsMode"] = "CHART"
    return f"{base_url.rstrip('/')}/#/experiments/{experiment_id}/runs?{urlencode(query)}"


def default_sections(exits: int, folded: Sequence[str] = ()) -> tuple[Section, ...]:
    """Return the key numbers, then loss and validation accuracy over the epochs.

    `folded` are prefixes of metrics ("test/accuracy") whose automatic charts stay under a folded heading.
    """
    accuracy, overthinking = "test/accuracy/last", "test/overthinking/any_later"
    numbers = [(accuracy,), (overthinking,), ("test/overthinking/final",)]
    curves = ["epochs/train_loss", *(f"epochs/val_accuracy/exit_{number}" for number in range(1, exits + 1))]
    bars = (Chart("BAR", metrics) for metrics in numbers)
    return (
        Section("Accuracy and overthinking", (*bars, Chart("SCATTER", (accuracy, overthinking)))),
        Section("Learning curves", tuple(Chart("LINE", (metric,)) for metric in curves)),
        *(Section(prefix, unfolded=False) for prefix in folded),
    )


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _charts(sections: Sequence[Section]) -> dict[str, Any]:
    headings = [
        {"uuid": f"s{i}", "name": section.name, "display": section.unfolded, "isReordered": False}
        for i, section in enumerate(sections)
    ]
    charts = [
        {"uuid": f"s{i}c{j}", "metricSectionId": f"s{i}", "type": chart.kind, **_chart(chart)}
        for i, section in enumerate(sections)
        for j, chart in enumerate(section.charts)
    ]
    # isAccordionReordered: without it MLflow sorts the sections by name.
    return {"compareRunSections": headings, "compareRunCharts": charts, "isAccordionReordered": True}


def _chart(chart: Chart) -> dict[str, Any]:
    # isGenerated: MLflow turns the bars of a generated chart into lines when a second step arrives.
    kept = {"isGenerated": False, "deleted": False, "runsCountToCompare": 100}
    if chart.kind == "SCATTER":
        x, y = ({"key": metric, "type": "METRIC"} for metric in chart.metrics)
        return {**kept, "xaxis": x, "yaxis": y}
    fields = {**kept, "metricKey": chart.metrics[0], "selectedMetricKeys": [*chart.metrics]}
    if chart.kind == "LINE":  # left out, lines are smoothed by 70 of 100 and ignore the page's own settings
        fields |= {"lineSmoothness": 0, "useGlobalLineSmoothing": True, "useGlobalXaxisKey": True}
    return fields
