"""Options that name what runs have, parameters, tags and metrics: checked against what the store has."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from overthink.comparison.named_values import FACTS, groups_reduced, known_names, meeting, value_of, values_there
from overthink.comparison.where import Condition, parse
from overthink.definition.errors import DefinitionError, nearest
from overthink.sentences import check_utf_8
from overthink.store.stored import StoredRun


class Asked(NamedTuple):
    """What the options name."""

    where: Condition | None
    names: dict[str, str]
    """Name -> the option that it is in."""

    def check(self, runs: Sequence[StoredRun], everything: Callable[[], Sequence[StoredRun]]) -> None:
        """Raise DefinitionError for a name under which no run has anything; `everything` reads all that runs have.

        A store without runs knows no names, and every name is right.
        """
        unknown = [name for name in self.names if name not in FACTS and not any(_has(run, name) for run in runs)]
        if not unknown or not runs:
            return
        known = known_names(everything())
        for name in unknown:
            if name not in known:
                raise DefinitionError(
                    f"{self.names[name]}: no run has a parameter, tag or metric {name}{nearest(name, known)}"
                )

    def runs(self, runs: Sequence[StoredRun]) -> list[StoredRun]:
        """Return the runs and groups that meet --where."""
        return list(runs) if self.where is None else meeting(runs, self.where)

    def why_none(self, runs: Sequence[StoredRun]) -> str:
        """Return which part of --where no run meets, and what there is instead; empty where runs meet each part."""
        return "" if self.where is None or not runs else "; ".join(values_there(runs, self.where)[:3])

    def with_groups(self, runs: Sequence[StoredRun]) -> list[StoredRun]:
        """Return the runs that meet --where, with their groups, which then ask for these runs alone."""
        return list(runs) if self.where is None else groups_reduced(runs, self.where)


def none_met(why: str, stored: Sequence[StoredRun]) -> str:
    """Return that no run meets --where, with the reason where there is one; of a store without runs, that it is."""
    if not stored:
        return "No runs in the store yet; start some with overthink run."
    return f"No such runs in the store{f': {why}' if why else ''}."


def asked(where: str | None, **others: Iterable[str]) -> Asked:
    """Return what --where and other options name; raises ValueError where a condition is none, or what is no text."""
    for option, texts in {"where": [where or ""], **others}.items():
        for text in texts:
            check_utf_8(f"--{option}", text)
    try:
        condition = None if where is None else parse(where)
    except ValueError as error:
        raise DefinitionError(f"--where {where!r}: {error}") from None
    names = dict.fromkeys((one.name for one in condition.comparisons()), f"--where {where!r}") if condition else {}
    for option, given in others.items():
        for name in given:
            names.setdefault(name.removeprefix("-"), f"--{option} {name}")
    return Asked(condition, names)


def _has(run: StoredRun, name: str) -> bool:
    return value_of(run, name) is not None
