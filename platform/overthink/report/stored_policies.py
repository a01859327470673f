"""What `overthink policies` leaves in the store: metrics and a page of each group, or of a run without its group."""

from collections.abc import Mapping
from math import isnan

from overthink.exit_policies.side_by_side import SideBySide
from overthink.metrics.naming import level_names
from overthink.report.exit_policies import GroupPolicies
from overthink.report.exit_policy_page import exit_policy_page
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer

PREFIX = "exit_policies/"
"""Of the names of metrics."""


def policy_metrics(found: SideBySide) -> dict[str, float]:
    """Return accuracy at each budget and area of every row, by name; fractions.

    Such as `exit_policies/top2-ratio/accuracy_at_50_percent`. What is not a number is left out.
    """
    named = zip(level_names([row.name for row in found.rows]), found.rows, strict=True)
    values = {
        f"{PREFIX}{name}/{what}": value
        for name, row in named
        for what, value in (
            *((f"accuracy_at_{100 * at.budget:g}_percent", at.accuracy.value) for at in row.at),
            *([("area", row.area.value)] if row.area is not None else []),
        )
    }
    return {name: value for name, value in values.items() if not isnan(value)}


def store_policies(
    store: Store, one: GroupPolicies, known: Mapping[str, StoredRun], share: float, whole: bool = True
) -> bool:
    """Add the page and the metrics to the group, or to the only run; return whether the page is stored.

    A comparison that is not whole, of some rules or at other budgets, does not replace the page of one with more.
    Metrics that are there already are not written again. Raises StoreError where the store cannot be written.
    """
    if (target := one.target) is None or one.found is None:
        return False
    writer, there, found = Writer(store), known[target].metrics, policy_metrics(one.found)
    new = {name: value for name, value in found.items() if there.get(name) != value}
    if new:
        writer.log(target, new)
    replaces = whole or not [name for name in there if name.startswith(PREFIX) and name not in found]
    if replaces:
        writer.linked_page(target, tags.POLICIES_PAGE, exit_policy_page([one], share))
    return replaces
