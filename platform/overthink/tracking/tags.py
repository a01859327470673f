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
REPORTED = "overthink.reported"

VIEWS = "overthink.views"
"""On an experiment: the keys of its saved views, the one to open first."""

SUMMARY = ("dataset", "network", "regime")
"""Tags and parameters that say a definition in a few words, under `overthink.`."""

FINISHED, DIVERGED, FAILED, INTERRUPTED, RUNNING = "finished", "diverged", "failed", "interrupted", "running"

DEFINITION_FILE = "definition.json"
PROVENANCE_FILE = "provenance.json"
"""Artifacts of every run."""
