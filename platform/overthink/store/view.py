"""Saved views of MLflow's UI: the columns, order, filter and charts with which the runs of an experiment open.

Without one, MLflow opens a page about language models and shows no metric in its table. A view is an experiment tag
`TAG_PREFIX + key`, opened by `link`. MLflow documents none of this: the names below were read in the JavaScript bundle
of MLflow 3.17.2 and tried in a browser. A field left out takes the UI's default, a column or chart of a metric that no
run has is not shown, and `null` or an unknown `orderByKey` breaks the page. Metrics that no chart begins with get one
of MLflow's own, below ours, in a section named like all of the metric's name before its last `/`, and titles of charts
are names of metrics (`displayName` changes none on this page).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

from overthink.store import tags

TAG_PREFIX = "mlflow.sharedViewState."
CREATED = "attributes.`Created`"
"""Newest first. Under its own spelling of this key, `attributes.start_time`, MLflow folds runs under their group."""
MODEL_TRAINING = "workflowType=machine_learning"
"""In an address: the pages about training models. Without it MLflow shows those about language models until a person
has used its switch; no tag of an experiment changes that (`mlflow.experimentKind` was tried)."""
FIGURES = f"/artifacts/{tags.FIGURES_PAGE}"
"""Of a run's address: the page of its figures, or a group's."""
BUILT_IN_WIDTHS = {"attributes.`Run Name`": 300, "runDateAndNestInfo": 135, "duration": 80}
"""Columns that are always shown, with their widths in pixels."""


class Chart(NamedTuple):
    """Lines over the steps of each metric, or bars of the last values, of all runs that are shown."""

    kind: Literal["LINE", "BAR"]
    metrics: tuple[str, ...]


Sections = Mapping[str, Sequence[Chart]]
"""Charts under headings, in this order."""


def view_state(
    metrics: Sequence[str],
    parameters: Sequence[str],
    name: str,
    search: str = "",
    sections: Sections | None = None,
    folded: Sequence[str] = (),
) -> str:
    """Return the value of a view's tag; the UI lists it in its menu Views as `name`.

    The table shows each run's name, Created, Duration, then metrics and parameters in this order. `search` is a filter
    in MLflow's language. Without `sections`, charts are MLflow's own. `folded` are sections of MLflow's own charts that
    follow and show their heading alone until a reader opens them. Equal arguments give equal text. MLflow 3.17 takes at
    most 20,000 characters.
    Raises ValueError for a backtick in the name of a column.
    """
    names = [("metrics", key) for key in metrics] + [("params", key) for key in parameters]
    widths = {_column(kind, key): max(80, 6 * len(key) + 26) for kind, key in names}  # fits the header, in pixels
    state = {
        "searchFilter": search,
        "orderByKey": CREATED,
        "orderByAsc": False,
        "selectedColumns": [*widths],
        "columnOrder": [*BUILT_IN_WIDTHS, *widths],
        "columnWidths": BUILT_IN_WIDTHS | widths,
        "runsHiddenMode": "FIRST_20_RUNS",
        **(_charts(sections, folded) if sections else {}),
    }
    # Times only order the menu; real ones would give each writing another text, and so another key.
    return _text({"name": name, "createdAt": 0, "updatedAt": 0, "state": _text(state)})


def _column(kind: str, name: str) -> str:
    if "`" in name:
        raise ValueError(f"{name!r} cannot be a column: MLflow allows no backtick in the names of {kind}.")
    return f"{kind}.`{name}`"


def _charts(sections: Sections, folded: Sequence[str]) -> dict[str, Any]:
    headings = [
        {"uuid": f"s{number}", "name": name, "display": name in sections, "isReordered": False}
        for number, name in enumerate([*sections, *folded])
    ]
    charts = [
        {
            "uuid": f"s{number}c{place}",
            "metricSectionId": f"s{number}",
            "type": chart.kind,
            "metricKey": chart.metrics[0],
            "selectedMetricKeys": [*chart.metrics],
            "isGenerated": False,  # else bars become lines when a second step arrives
            "deleted": False,
            "runsCountToCompare": 100,
            # Left out, lines are smoothed by 70 of 100.
            **({"lineSmoothness": 0, "useGlobalLineSmoothing": True, "useGlobalXaxisKey": True} if is_line else {}),
        }
        for number, of_section in enumerate(sections.values())
        for place, chart in enumerate(of_section)
        for is_line in [chart.kind == "LINE"]
    ]
    # Without the last, MLflow sorts sections by name.
    return {"compareRunSections": headings, "compareRunCharts": charts, "isAccordionReordered": True}


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def view_key(state: str) -> str:
    """Return the key of a view: equal for equal text, on every machine."""
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def link(base_url: str, experiment_id: str, key: str | None = None) -> str:
    """Return the address of an experiment's runs in the view `key`.

    Add no order or filter beside the key: MLflow then ignores the view. It adds them itself once the page is open, so
    that a reload or Back drops the view, unless the reader has pressed "Override saved view".
    """
    view = "" if key is None else f"&{urlencode({'viewStateShareKey': key})}"
    return f"{base_url.rstrip('/')}/#/experiments/{experiment_id}/runs?{MODEL_TRAINING}{view}"


def run_link(experiment_id: str, run_id: str, page: str = "") -> str:
    """Return the address of a run's page (`/artifacts`) from any other page of the UI, for links in descriptions."""
    return f"#/experiments/{experiment_id}/runs/{run_id}{page}?{MODEL_TRAINING}"
