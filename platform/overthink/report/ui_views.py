"""Where to look: addresses of the MLflow UI that land on the runs, and the views they open with."""

from collections.abc import Sequence

from overthink.comparison.overthinking import COLUMNS
from overthink.definition.run_definition import GroupDefinition
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.uri import without_account
from overthink.store.view import CREATED_FLAT, default_sections, link, view_key, view_state

PORT = 5000
LOCAL_NAME = "overthink.localhost"
"""This machine, by a name that browsers resolve: under `localhost` MLflow opens its assistant over the runs."""
PARAMETERS = ("variant", "seed", "regime", "network")
FOLDED = (
    *("test/accuracy", "test/overthinking", "test/overthinking_pairs", "test/oracle", "test/upper_bound"),
    *("test/accuracy_by_level/easy", "test/accuracy_by_level/medium", "test/accuracy_by_level/hard"),
    *("test/budgeted", "test/budget_oracle", "test/calibration/ece", "test/hindsight", "test/rank_correlation"),
    *("val/budget_oracle", "val/calibration/ece", "val/hindsight", "val/rank_correlation"),
    *("val/accuracy", "val/overthinking", "val/overthinking_pairs", "network/mul_adds", "network/parameters"),
    *("epochs", "epochs/train_accuracy", "epochs/val_accuracy", "epochs/val_loss"),
)


POLICY_COLUMNS = (
    "test/policy/accuracy",
    "test/policy/balanced_accuracy",
    "test/policy/best_constant",
    "test/policy/p/chance",
)


def columns_of(definition: GroupDefinition, goals: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the metrics that a table of such runs opens with: what a sweep looks for first."""
    return (*goals, *(COLUMNS if definition.policy is None else POLICY_COLUMNS))


def views(exits: int, columns: Sequence[str] = COLUMNS) -> dict[str, str]:
    """Return the saved views of an experiment, key -> state: all runs first, then groups alone (means over seeds)."""
    sections = default_sections(exits, FOLDED)
    runs = view_state(columns, PARAMETERS, name="overthink: all runs", order_by=CREATED_FLAT, sections=sections)
    groups = view_state(
        ("seeds/n", *columns),
        PARAMETERS,
        name="overthink: groups (means over seeds)",
        search=f"tags.`{tags.KIND}` = '{tags.KIND_GROUP}'",
        sections=sections,
    )
    return {view_key(state): state for state in (runs, groups)}


def runs_link(store: Store, experiment_id: str, base_url: str | None = None) -> str:
    """Return the address of an experiment's runs, in its own view where it has one."""
    served = without_account(store.uri) if store.uri.startswith("http") else f"http://{LOCAL_NAME}:{PORT}"
    return link(base_url or served, experiment_id, store.view_of(experiment_id))


def ui_hint(store: Store, experiment_id: str) -> str:
    """Say how to see an experiment's runs in a browser."""
    address = runs_link(store, experiment_id)
    return (
        f"In the MLflow UI: {address}" if store.uri.startswith("http") else f"To browse: overthink ui, then {address}"
    )
