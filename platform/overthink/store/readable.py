"""Reading several runs of a store, of which some may hold what cannot be read."""

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from overthink.store.errors import MissingArtifactError
from overthink.store.stored import StoredRun
from overthink.store.unreadable import UnreadableRunError

T = TypeVar("T")
OF_ONE_RUN = (UnreadableRunError, MissingArtifactError)
"""What is wrong with one run alone."""


class Readable(NamedTuple, Generic[T]):
    """What could be read of several runs."""

    runs: list[StoredRun]
    values: list[T]
    """One for each of these runs."""
    problems: list[str]
    """A sentence for each of the others."""


def of_each(runs: Iterable[StoredRun], read: Callable[[StoredRun], T]) -> Readable[T]:
    """Read something of each run; of those of which it cannot be read, the reasons."""
    found: Readable[T] = Readable([], [], [])
    for run in runs:
        try:
            found.values.append(read(run))
            found.runs.append(run)
        except OF_ONE_RUN as error:
            found.problems.append(str(error))
    return found
