"""The arms of a study: which of them varies every source of randomness."""

from collections.abc import Mapping, Sequence

from overthink.seeds import Source

WHOLE = "all"
"""The arm in which every source varies, where a study has one."""


def primary_arm_name(sources: Mapping[str, Sequence[Source]]) -> str | None:
    """Return the name of the arm that speaks for a study: `all`, else the first of those in which most varies.

    An arm that repeats one run never does: None where there is no other.
    """
    moved = {name: those for name, those in sources.items() if {*those} - {"repeat"}}
    return WHOLE if WHOLE in moved else max(moved, key=lambda name: len(moved[name]), default=None)
