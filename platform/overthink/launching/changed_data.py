"""Whether the data of finished runs are still what they were trained on."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from overthink.data.catalogue import DatasetSpec, load_dataset
from overthink.data.digits import default_root
from overthink.data.files import shown
from overthink.launching.plan import PlannedRun
from overthink.seeds import joined

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
    groups: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in runs:
        if run.action == "done" and run.stored is not None and run.stored.data and run.run.dataset.may_have_changed:
            groups.setdefault((run.group_name, run.stored.data), []).append(run)
    known: dict[DatasetSpec, _Here] = {}
    for (name, seen), of_group in groups.items():
        spec, root = of_group[0].run.dataset, data_root or default_root()
        if spec not in known:
            known[spec] = _here(spec, root)
        here = known[spec]
        which = f"{name} seed {joined(run.run.seeds.label for run in of_group)}"
        then = ", ".join(f"{digest[:SHOWN]}..." for digest in seen.split())
        if here.problem:
            yield f"{which}: finished, but its data (SHA-256 {then}) cannot be read here any more: {here.problem}"
        elif here.digest and not all(here.digest.startswith(digest) for digest in seen.split()):
            yield (
                f"{which}: DIFFERENT DATA: finished on other data (SHA-256 {then}) than are here now "
                f"({here.digest[:SHOWN]}..., {spec.kind}: {shown(spec.place(root))}); --force trains again"
            )


def _here(spec: DatasetSpec, root: Path) -> _Here:
    try:
        return _Here(load_dataset(spec, root).digest) if spec.is_here(root) else _Here("")
    except (ValueError, OSError, MemoryError) as error:
        return _Here("", str(error) or type(error).__name__)
