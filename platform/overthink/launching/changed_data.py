"""Whether the data of finished runs are still what they were trained on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from overthink.data.catalogue import DatasetSpec, load_dataset
from overthink.data.digits import default_root
from overthink.data.files import shown
from overthink.launching.planned_run import PlannedRun
from overthink.seeds import joined
from overthink.sentences import number_of
from overthink.store.run_names import run_name
from overthink.store.stored import StoredRun

SHOWN = 8
"""Digits of a digest."""


class _Here(NamedTuple):
    """The data of a specification on this machine."""

    digest: str
    """SHA-256; empty where they are not here or not readable."""
    problem: str = ""
    """Why they are not readable."""


def changed_data(runs: Iterable[PlannedRun], data_root: Path | None) -> Iterator[str]:
    """Yield a sentence for each group with finished runs that were trained on other data than are here now.

    Data that are not here, or that cannot have changed unnoticed, are not compared.
    """
    groups: dict[tuple[str, DatasetSpec, str], list[PlannedRun]] = defaultdict(list)
    for run in runs:
        if run.action == "done" and run.stored is not None:
            groups[run.group_name, run.run.dataset, run.stored.data].append(run)
    yield from _differences(
        [
            (run_name(name, joined(run.run.seeds.label for run in of_group)), spec, seen)
            for (name, spec, seen), of_group in groups.items()
        ],
        data_root,
        "--force trains again",
    )


def changed_data_of_trials(
    name: str, runs: Iterable[StoredRun], spec: DatasetSpec, data_root: Path | None
) -> Iterator[str]:
    """Yield a sentence where finished runs of a sweep's trials were trained on other data than are here now."""
    by_data: dict[str, int] = defaultdict(int)
    for run in runs:
        if run.is_finished:
            by_data[run.data] += 1
    counted = [(f"{name}: {number_of(count, 'run')}", spec, seen) for seen, count in by_data.items()]
    yield from _differences(counted, data_root, "a sweep of another name begins anew")


def _differences(found: Sequence[tuple[str, DatasetSpec, str]], data_root: Path | None, remedy: str) -> Iterator[str]:
    """Yield a sentence for each of (who, what its data are, digests of those it was trained on) whose data differ."""
    root = data_root or default_root()
    known: dict[DatasetSpec, _Here] = {}
    for which, spec, seen in found:
        if not seen or not spec.may_have_changed:
            continue
        if spec not in known:
            known[spec] = _here(spec, root)
        here = known[spec]
        then = ", ".join(f"{digest[:SHOWN]}..." for digest in seen.split())
        if here.problem:
            yield f"{which}: finished, but its data (SHA-256 {then}) cannot be read here any more: {here.problem}"
        elif here.digest and not all(here.digest.startswith(digest) for digest in seen.split()):
            yield (
                f"{which}: DIFFERENT DATA: finished on other data (SHA-256 {then}) than are here now "
                f"({here.digest[:SHOWN]}..., {spec.kind}: {shown(spec.place(root))}); {remedy}"
            )


def _here(spec: DatasetSpec, root: Path) -> _Here:
    try:
        return _Here(load_dataset(spec, root).digest) if spec.is_here(root) else _Here("")
    except (ValueError, OSError, MemoryError) as error:
        return _Here("", str(error) or type(error).__name__)
