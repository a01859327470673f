"""Experiments to train: from definition files, shipped definitions, and stored runs."""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from overthink.cli.output import log
from overthink.comparison.by_name import STORED
from overthink.definition.errors import DefinitionError
from overthink.definition.loading import experiment_of_run, load_experiment
from overthink.definition.source import find, override
from overthink.report.safe_text import print_text
from overthink.seeds import parse_seeds

if TYPE_CHECKING:
    from overthink.definition.experiment import LoadedExperiment

CORRUPTION = "dataset.corruption"
FULL_ID = re.compile(r"[0-9a-f]{32}")


def load_definitions(
    names: Sequence[str], settings: Sequence[str], seeds: str | None, corruptions: Sequence[str] = ()
) -> "list[LoadedExperiment]":
    """Return the experiments of definitions, with overridden values and seeds; print which variants are equal.

    Then the same ones with each corruption of the test images. Raises DefinitionError where a definition is wrong, and
    where a stored run is to be changed otherwise.
    """
    chosen = parse_seeds(seeds) if seeds is not None else None
    if (settings or chosen) and any(name.startswith(STORED) for name in names):
        raise DefinitionError("run:ID repeats a stored run unchanged; --set and --seeds cannot be used with it")
    if "" in corruptions:
        raise DefinitionError("--corruption: empty; expected KIND:SEVERITY, such as gaussian-noise:3")
    loaded = [
        _load_stored(name, corruption)
        if name.startswith(STORED)
        else load_experiment(find(name), [*settings, *([f"{CORRUPTION}={corruption}"] if corruption else [])], chosen)
        for corruption in (None, *corruptions)
        for name in names
    ]
    for one in loaded:
        print_merged(one)
    if seeds is not None and seeds.isdecimal() and int(seeds) > 1:  # in a definition, `seeds: 3` are three
        print_text(log(), f"--seeds {seeds} is seed {int(seeds)} alone; {int(seeds)} seeds are --seeds 0:{int(seeds)}.")
    return loaded


def print_merged(loaded: "LoadedExperiment") -> None:
    """Print which variants resolve to equal definitions, as --set can make them."""
    for sentence in loaded.merged_sentences:
        print_text(log(), sentence)


def _load_stored(name: str, corruption: str | None) -> "LoadedExperiment":
    from overthink.cli.selection import one_of
    from overthink.definition.run_definition import parse_run
    from overthink.store.all_runs import all_runs
    from overthink.store.client import Store  # imports MLflow, which definition files do not need
    from overthink.store.reader import stored_definition

    store, called = Store(), name.removeprefix(STORED)
    runs = [run for run in all_runs(store) if not run.is_group]
    stored = stored_definition(store, called if FULL_ID.fullmatch(called) else one_of(runs, called).run_id)
    text, changes = stored.text, stored.changes
    if corruption is not None:
        parse_run(text, name)  # raises DefinitionError: it may be nested more deeply than json can read
        text = json.dumps(override(json.loads(text), CORRUPTION, corruption, name))
        changes = {**changes, CORRUPTION: corruption}
    return experiment_of_run(text, name, stored.name, stored.variant, stored.description, changes=changes)
