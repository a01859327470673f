"""What `overthink compare` shows, as its options say: grouped by what, which metrics, in which order."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from overthink.comparison.grouping import GROUPINGS, parameter
from overthink.comparison.named_values import TEST
from overthink.definition.errors import DefinitionError, nearest
from overthink.store.stored import StoredRun

if TYPE_CHECKING:
    from overthink.report.tables import Layout


def check_grouping(by: str, runs: Sequence[StoredRun]) -> None:
    """Raise DefinitionError where runs can not be grouped by something: it is no part and no parameter of theirs."""
    if by in GROUPINGS or any(parameter(run, by) is not None for run in runs):
        return
    known = [*GROUPINGS, *{path for run in runs for path in run.params}]
    raise DefinitionError(
        f"--by {by}: not one of {', '.join(GROUPINGS)}, nor a parameter of these runs{nearest(by, known)}"
    )


def chosen_layout(layout: "Layout", metrics: Sequence[str] | None, stored: Sequence[StoredRun]) -> "Layout":
    """Return the layout of the metrics that --metric names, or the given one without any.

    Raises DefinitionError for a name that is that of no metric.
    """
    if not metrics:
        return layout
    from overthink.report.chosen_table import layout_of

    return layout_of(list(dict.fromkeys(_metric(name, stored) for name in metrics)))


def _metric(name: str, stored: Sequence[StoredRun]) -> str:
    known = {metric for run in stored for metric in run.metrics}
    found = next((one for one in (name, TEST + name) if one in known), None)
    if found is None and stored:
        raise DefinitionError(f"--metric {name}: no run has this metric{nearest(name, list(known))}")
    return found or name


def sorting(name: str | None, layout: "Layout", by: str) -> str | None:
    """Return what --sort sorts rows by, in full; raises DefinitionError where the table does not have it."""
    from overthink.report.chosen_table import COUNT, GROUP

    if name is None:
        return None
    sign, plain = ("-", name[1:]) if name.startswith("-") else ("", name)
    known = [GROUP, COUNT, *layout.metrics]
    found = GROUP if plain == by else next((one for one in (plain, TEST + plain) if one in known), None)
    if found is None:
        raise DefinitionError(f"--sort {name}: not one of {', '.join(known)}{nearest(plain, known)}")
    return sign + found
