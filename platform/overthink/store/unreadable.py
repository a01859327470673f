"""Runs with something in the store that cannot be read: each is named with what is wrong, and all others are shown."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from overthink.store.stored import StoredRun
from overthink.untrusted import name_of, reason

MOST_NAMED = 10
"""Runs that are named where many cannot be read; the others are counted."""


class UnreadableRunError(ValueError):
    """Something that one stored run holds cannot be read; the sentence names the run, the thing, and why."""


class UnfetchedError(UnreadableRunError):
    """An artifact that a run may well have cannot be fetched now: a gateway's error, or a full disk here."""


class UnreadableRunWarning(UserWarning):
    """The same where other runs are returned without it."""


@contextmanager
def reading(run_id: str, what: str, file: Path | None = None) -> Iterator[None]:
    """Name the run and the artifact in what is wrong with it, not the temporary file that it was fetched to."""
    try:
        yield
    except UnreadableRunError:
        raise
    except (ValueError, OSError, MemoryError) as error:
        said = reason(error, str(file or ""), what)
        raise UnreadableRunError(f"run {name_of(run_id)[:8]}: {what}: {said.removeprefix(f'{what}: ')}") from error


def problems_of(runs: Iterable[StoredRun]) -> list[str]:
    """Return a sentence for each run with tags, metrics or times that cannot be read."""
    return [run.problem for run in runs if run.problems]


def named(problems: Iterable[str]) -> list[str]:
    """Return as many sentences as a person reads, each once: the first ones, and how many more runs there are."""
    each = list(dict.fromkeys(problems))
    more = len(each) - MOST_NAMED
    return each if more <= 0 else [*each[:MOST_NAMED], f"{more} more runs cannot be read in full"]


def warn(problems: Sequence[str]) -> None:
    """Warn a notebook of runs that cannot be read."""
    for sentence in named(problems):
        warnings.warn(sentence, UnreadableRunWarning, stacklevel=3)
