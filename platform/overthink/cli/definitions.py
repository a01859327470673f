"""Experiments to train: from definition files, shipped definitions, and stored runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from overthink.cli.output import log
from overthink.definition.errors import DefinitionError
from overthink.definition.loading import experiment_of_run, load_experiment
from overthink.definition.source import find
from overthink.report.safe_text import print_text
from overthink.seeds import parse_seeds

if TYPE_CHECKING:
    from overthink.definition.experiment import LoadedExperiment

STORED = "run:"
"""Prefix of the ID of a stored run, where a definition is expected."""


def load_definitions(names: Sequence[str], settings: Sequence[str], seeds: str | None) -> "list[LoadedExperiment]":
    """Return the experiments of definitions, with overridden values and seeds; print which variants are equal.

    Raises DefinitionError where a definition is wrong, and where a stored run is to be changed.
    """
    chosen = parse_seeds(seeds) if seeds is not None else None
    if (settings or chosen) and any(name.startswith(STORED) for name in names):
        raise DefinitionError("run:ID repeats a stored run unchanged; --set and --seeds cannot be used with it")
    loaded = [
        _load_stored(name) if name.startswith(STORED) else load_experiment(find(name), settings, chosen)
        for name in names
    ]
    for one in loaded:
        print_merged(one)
    return loaded


def print_merged(loaded: "LoadedExperiment") -> None:
    """Print which variants resolve to equal definitions, as --set can make them."""
    for sentence in loaded.merged_sentences:
        print_text(log(), sentence)


def _load_stored(name: str) -> "LoadedExperiment":
    from overthink.store.client import Store  # imports MLflow, which definition files do not need
    from overthink.store.reader import stored_definition

    stored = stored_definition(Store(), name.removeprefix(STORED))
    return experiment_of_run(stored.text, name, stored.name, stored.variant, stored.description, changes=stored.changes)
