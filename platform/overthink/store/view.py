"""Saved views of MLflow's UI: the columns, order and filter with which the runs of an experiment open.

Without one, MLflow opens a page about language models and shows no metric in its table. A view is an experiment tag
`TAG_PREFIX + key`, opened by `link`. MLflow documents none of this: the names below were read in the JavaScript bundle
of MLflow 3.17.2 and tried in a browser. A field left out takes the UI's default, a column of a metric that no run has
is not shown, and `null` or an unknown `orderByKey` breaks the page. Charts are left to MLflow.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

TAG_PREFIX = "mlflow.sharedViewState."
CREATED = "attributes.`Created`"
"""Newest first. Under its own spelling of this key, `attributes.start_time`, MLflow folds runs under their group."""
BUILT_IN_WIDTHS = {"attributes.`Run Name`": 240, "runDateAndNestInfo": 135, "duration": 80}
"""Columns that are always shown, with their widths in pixels."""


def view_state(metrics: Sequence[str], parameters: Sequence[str], name: str, search: str = "") -> str:
    """Return the value of a view's tag; the UI lists it in its menu Views as `name`.

    The table shows each run's name, Created, Duration, then metrics and parameters in this order. `search` is a filter
    in MLflow's language. Equal arguments give equal text. MLflow 3.17 takes at most 20,000 characters.
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
    }
    # Times only order the menu; real ones would give each writing another text, and so another key.
    return _text({"name": name, "createdAt": 0, "updatedAt": 0, "state": _text(state)})


def _column(kind: str, name: str) -> str:
    if "`" in name:
        raise ValueError(f"{name!r} cannot be a column: MLflow allows no backtick in the names of {kind}.")
    return f"{kind}.`{name}`"


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
    query = {"workflowType": "machine_learning"}
    if key is not None:
        query["viewStateShareKey"] = key
    return f"{base_url.rstrip('/')}/#/experiments/{experiment_id}/runs?{urlencode(query)}"
