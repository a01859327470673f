"""Links into the MLflow UI, and the saved views that they open: which columns the table of runs has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from overthink.comparison.overthinking import COLUMNS
from overthink.definition.run_definition import GroupDefinition
from overthink.settings import ui_url
from overthink.store import tags
from overthink.store.uri import without_account
from overthink.store.view import Chart, link, view_key, view_state

if TYPE_CHECKING:
    from overthink.store.client import Store

PORT = 5000
LOCAL_NAME = "overthink.localhost"
"""This machine, by a name that browsers resolve: under `localhost` MLflow opens its assistant over the runs."""
EXITS = range(1, 11)
"""Exits that charts over the epochs name; of these, a chart has the ones that a network has."""
OVER_EPOCHS = {
    "Over the epochs: accuracy, overthinking, loss": [
        Chart("LINE", (metric,))
        for metric in (
            "epochs/val_accuracy/last",
            "epochs/overthinking/val_any_later",
            "epochs/overthinking/val_final",
            "epochs/val_loss/last",
        )
    ],
    "Over the epochs: all exits": [
        Chart("LINE", tuple(f"epochs/{name}/exit_{number}" for number in EXITS) + more)
        for name, more in (("val_accuracy", ("epochs/val_accuracy/oracle",)), ("val_loss", ()), ("train_accuracy", ()))
    ],
}
SINGLE_DOTS = (
    "seeds",
    *(
        f"{split}/{section}"
        for split in ("test", "val")
        for section in (
            "accuracy",
            "overthinking",
            "overthinking_pairs",
            "confusion",
            "oracle",
            "upper_bound",
            "calibration/ece",
            "hindsight",
            "rank_correlation",
            "budgeted",
            "budget_oracle",
        )
    ),
)
"""MLflow's own sections of metrics that each multi-exit network has once: one dot a run and chart, closed at first."""
PARAMETERS = ("variant", "seed", "regime", "network")
POLICY_COLUMNS = (
    "test/policy/accuracy",
    "test/policy/balanced_accuracy",
    "test/policy/best_constant",
    "test/policy/p/chance",
)


def columns_of(definition: GroupDefinition, goals: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the metrics in the table of an experiment's runs: the goals of a sweep first."""
    return (*goals, *(COLUMNS if definition.policy is None else POLICY_COLUMNS))


def views(columns: Sequence[str] = COLUMNS) -> dict[str, str]:
    """Return the saved views of an experiment, key -> state: all runs first, then groups alone (means over seeds)."""
    groups = f"tags.`{tags.KIND}` = '{tags.KIND_GROUP}'"
    results = {"Results": [Chart("BAR", (metric,)) for metric in columns]}
    folded = SINGLE_DOTS if columns[-len(COLUMNS) :] == COLUMNS else ()
    states = (
        view_state(columns, PARAMETERS, "overthink: all runs", "", OVER_EPOCHS | results, folded),
        view_state(("seeds/n", *columns), PARAMETERS, "overthink: groups (means over seeds)", groups, results, folded),
    )
    return {view_key(state): state for state in states}


def runs_link(store: "Store", experiment_id: str, base_url: str | None = None) -> str:
    """Return the address of an experiment's runs, in its own view where it has one."""
    base = base_url or served_at(store) or f"http://{LOCAL_NAME}:{PORT}"
    return link(base, experiment_id, store.view_of(experiment_id))


def served_at(store: "Store") -> str:
    """Return the address at which a server shows the store: OVERTHINK_UI_URL, else its own; empty of a file."""
    return ui_url() or (without_account(store.uri) if store.uri.startswith("http") else "")


def ui_hint(store: "Store", experiment_id: str) -> str:
    """Return a sentence on how to open an experiment's runs in a browser."""
    address = runs_link(store, experiment_id)
    return f"In the MLflow UI: {address}" if store.uri.startswith("http") else local_hint(experiment_id, address)


def local_hint(experiment_id: str, address: str | None = None, view: str | None = None) -> str:
    """Return the same for a store on this machine: an address, or that of a view of the experiment."""
    return f"To browse: overthink ui, then {address or link(f'http://{LOCAL_NAME}:{PORT}', experiment_id, view)}"
