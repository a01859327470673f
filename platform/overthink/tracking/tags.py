"""The names under which things lie in a store."""

RUN_KEY = "overthink.run_key"
GROUP_KEY = "overthink.group_key"
KIND = "overthink.kind"
KIND_RUN, KIND_GROUP = "run", "group"
DEFINITION = "overthink.definition"
VARIANT = "overthink.variant"
SEEDS = "overthink.seeds"
"""A run's seeds; on a group, those of all its runs."""
OUTCOME = "overthink.outcome"
MESSAGE = "overthink.message"
HOST = "overthink.host"
PROCESS = "overthink.process"
HEARTBEAT = "overthink.heartbeat"
"""Unix time in seconds at which the process at a run last said that it is alive."""
FORCED = "overthink.forced"
"""On a run that was asked for with --force although its key was finished already."""
CHANGES = "overthink.changes"
"""What `--set` changed: `network.growth=8`; empty for a definition as it is written."""
PARENT_RUN, PARENT_KEY = "overthink.parent_run", "overthink.parent_key"
"""On a run whose first phases another run of the same seeds has trained: that run's id and key."""
MIXED = "overthink.mixed"
"""On a run that went on under settings other than those it began with: which."""
NOTE = "overthink.note"
"""On an experiment: the description that we gave it; where it reads otherwise now, a person edited it."""
REPORTED = "overthink.reported"

VIEWS = "overthink.views"
"""On an experiment: the keys of its saved views, the one to open first."""

SUMMARY = ("dataset", "network", "regime")
"""Tags and parameters that say a definition in a few words, under `overthink.`."""


def part_key(name: str) -> str:
    """Return the tag that holds the key of a part of the definition: equal keys, equal data, network or regime."""
    return f"overthink.{name}_key"


FINISHED, DIVERGED, FAILED, INTERRUPTED, RUNNING = "finished", "diverged", "failed", "interrupted", "running"

DEFINITION_FILE = "definition.json"
PROVENANCE_FILE = "provenance.json"
"""Artifacts of every run."""
BUDGETS_FILE, ANALYSIS_PAGE = "analysis/budgets/{criterion}.json", "analysis/figures.html"
"""Artifacts of an analysed run; a group has the page alone."""
ANALYSIS = "overthink.analysis"
"""The version of the analysis that a run has; on a group, that and the runs that it shows."""
ANALYSIS_VERSION = "3"
"""Of what an analysis leaves behind; runs analysed by another one are analysed again."""
