"""The arms of a study: which of them varies every source of randomness."""

from collections.abc import Mapping, Sequence

from overthink.seeds import Source, moving

ALL_SOURCES = "all"
"""The arm in which every source varies, where a study has one."""


def primary_arm_name(sources: Mapping[str, Sequence[Source]]) -> str | None:
    """Return the name of a study's primary arm: `all`, else the first of those in which most sources vary.

    An arm that repeats one run is never primary: None where there is no other.
    """
    moved = {name: those for name, those in sources.items() if moving(those)}
    return ALL_SOURCES if ALL_SOURCES in moved else max(moved, key=lambda name: len(moved[name]), default=None)
