"""Names that select nothing that is stored: by what they are meant, or one sentence that says what there is."""

from collections.abc import Sequence

from overthink.comparison.by_name import SHORTEST_ID, groups_of_variant, with_members
from overthink.definition.errors import DefinitionError, closest
from overthink.definition.source import EXPERIMENTS, SWEEPS, shipped
from overthink.sentences import listed
from overthink.store.stored import StoredRun

NAMED = 3
"""Groups that are named where no name is near."""


def of_variant(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    """Return the one group that has a variant of this name, with its runs.

    Raises DefinitionError where no group has it, or several have.
    """
    groups = groups_of_variant(runs, name)
    if not groups:
        raise no_such(runs, name)
    if len({group.whole_group for group in groups}) > 1:
        labels = list(dict.fromkeys(repr(group.name) for group in groups))
        raise DefinitionError(f"{name}: several groups have this variant; name one of them: {listed(labels)}")
    return with_members(groups, runs)


def no_such(runs: Sequence[StoredRun], name: str) -> DefinitionError:
    """Return the error for a name that selects nothing; it says which one is near, else which groups there are."""
    groups = [run for run in runs if run.is_group]
    near = closest(name, called := _called(runs, groups))
    if any(run.run_id.startswith(name) for run in runs):
        hint = f"give at least {SHORTEST_ID} characters of an ID"
    elif near is not None:
        hint = f"did you mean {called[near]!r}?"
    elif groups:
        labels = sorted({repr(group.group_label) for group in groups}, key=len)
        hint = f"there {'are' if len(labels) > 1 else 'is'} {listed(labels, NAMED)}"
    else:
        hint = "it has no groups yet; start runs with overthink run"
    return DefinitionError(f"no run, group or definition {name!r} in this store; {hint}")


def _called(runs: Sequence[StoredRun], groups: Sequence[StoredRun]) -> dict[str, str]:
    """Return what may be meant by a word -> what to call it."""
    names = [*shipped(EXPERIMENTS), *shipped(SWEEPS), *(run.name for run in runs), *(run.definition for run in runs)]
    variants = {group.variant: group.group_label for group in groups}
    return variants | {name: name for name in (*names, *(group.group_label for group in groups))}
