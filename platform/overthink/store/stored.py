"""A run as a store has it: typed, and independent of MLflow. `raw_run` makes it from a store's tags, once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pydantic import JsonValue

from overthink.seeds import Seeds, joined
from overthink.sentences import LONGEST_VALUE, cut
from overthink.store import tags
from overthink.store.liveness import NO_PROCESS, RunProcess

ASKED = "SCHEDULED"
"""The status of what a definition asks for; never written to a store."""
Kind = Literal["run", "group", ""]
"""The last: a sweep's own run, or one that is not ours."""


@dataclass(frozen=True)
class Part:
    """A part of a definition: data set, network or regime."""

    label: str = ""
    """A few words: `msdnet 5x3`."""
    key: str = ""
    """Equal keys, equal parts, whatever their labels; runs of the earliest versions have none."""


UNKNOWN = Part()


class Labels(NamedTuple):
    """How the samples of a policy network got their labels."""

    label: str
    """A few words: `lambda 5, training data`."""
    test_key: str
    """Equal keys, equal labels of the test samples; what concerns training and validation data alone is left out."""


@dataclass(frozen=True)
class PaperNumber:
    """What a paper reports for a metric, in the metric's unit."""

    value: float
    source: str
    approximate: bool


class Objective(NamedTuple):
    """What a sweep looks for, and what one of its trials has of it."""

    metric: str
    goal: str
    """`maximize` or `minimize`."""
    value: float


class Score(NamedTuple):
    """How good a sweep's trial is."""

    objectives: tuple[Objective, ...]
    keeps_bounds: bool


class RunLink(NamedTuple):
    """Another run that a run is built on."""

    run_id: str
    key: str


@dataclass(frozen=True)
class StoredRun:
    """One run or group. A field that the store does not have, or not in a readable form, is empty."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    """MLflow's: RUNNING, FINISHED, FAILED, KILLED."""
    started_ms: int
    ended_ms: int | None = None
    kind: Kind = ""
    run_key: str = ""
    group_key: str = ""
    definition: str = ""
    variant: str = ""
    changes: Mapping[str, JsonValue] = field(default_factory=dict)
    """What `--set` changed: dotted path -> value."""
    changes_label: str = ""
    """The same in a few words: `network.growth=8`."""
    seeds: tuple[Seeds, ...] = ()
    """A run's own, exactly one; on a group, those of all its runs."""
    arms: Mapping[str, tuple[Seeds, ...]] = field(default_factory=dict)
    """On the group of a study and its runs: arm -> the seeds of its runs."""
    arm: str = ""
    """The arm as a member of which `comparison.arms` lists this run or group; in no store."""
    dataset: Part = UNKNOWN
    network: Part = UNKNOWN
    regime: Part = UNKNOWN
    labels: Labels | None = None
    """Of policy networks."""
    kernels: str = "torch"
    """What computed the training: torch or native kernels; empty of a network trained elsewhere."""
    instruction_set: str = ""
    """Of a run: the processor's vector instructions that it was trained with; empty where none is logged."""
    estimated_seconds: float | None = None
    """How long it was estimated to take before it began; None where it was not."""
    at_once: int | None = None
    """Of a run: how many runs of its launch were trained at once; None in runs of earlier versions."""
    imported: str = ""
    """Of a network trained elsewhere: where its predictions are from; empty of one trained here."""
    splits: tuple[str, ...] = ("val", "test")
    """Those that predictions are stored of, `train` aside."""
    task: str = ""
    """`policy` of policy networks; empty of multi-exit networks."""
    reported: Mapping[str, PaperNumber] = field(default_factory=dict)
    """Metric -> what a paper reports for it."""
    parent: RunLink | None = None
    """The run of the same seeds that trained the first phases; of a fork, its trunk."""
    snapshots: tuple[int, ...] = ()
    """Epochs after which it has kept snapshots."""
    main: RunLink | None = None
    """Of a policy network: the run of its main network."""
    labelled_by: tuple[str, ...] = ()
    """Of a policy network: ids of the runs that its labels are averaged over, if they are."""
    policy_run_ids: tuple[str, ...] = ()
    """Of a main network: the policy networks that choose its exits."""
    group_id: str = ""
    """MLflow's parent run."""
    sweep: str = ""
    trial: int | None = None
    score: Score | None = None
    """Of a sweep's trial that has finished."""
    best_of: int = 0
    """Of a trial that `comparison.sweeps` lists as a sweep's best: how many trials it stands for; in no store."""
    of_arms: int = 0
    """Of a study's group that `comparison.arms` lists with its primary arm alone: how many arms it has; in no store."""
    process: RunProcess = NO_PROCESS
    """The process that trains it, or trained it last."""
    logged_outcome: str = ""
    message: str = ""
    """Why it ended as it did."""
    attempt: str = ""
    replaced_by: str = ""
    """Id of the finished run that counts instead of this one: its process was cut off while another one resumed it."""
    forced: bool = False
    """Whether --force asked for it although its key was finished."""
    analysis: str = ""
    """The version of its analysis; on a group, that and the ids of the runs that it shows."""
    note: str = ""
    """The description in Markdown that MLflow shows."""
    metrics: dict[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    """The resolved definition by dotted path: `regime.0.epochs` -> `12`; empty where they were not asked for."""
    data: str = ""
    """Beginnings of the digests of the data that it was trained on, joined by spaces; empty where none is logged."""
    problems: tuple[str, ...] = ()
    """What the store has of it that cannot be read, and is left out: a clause each."""

    @property
    def problem(self) -> str:
        """Its problems in one sentence, which names it; empty where it has none."""
        if not self.problems:
            return ""
        more = f"; and {len(self.problems) - 1} more of it cannot be read" if len(self.problems) > 1 else ""
        return f"{self.kind or 'run'} {self.run_id[:8]} ({cut(self.name, LONGEST_VALUE)}): {self.problems[0]}{more}"

    @property
    def outcome(self) -> str:
        """Ours: finished, diverged, failed, pruned, interrupted, or running."""
        if self.status == "FINISHED":
            return tags.FINISHED
        if self.status in ("RUNNING", "SCHEDULED"):
            return tags.RUNNING
        return self.logged_outcome or tags.INTERRUPTED

    def order_made(self) -> tuple[int, bool, str]:
        """Return what sorts runs by their start; of two that one request has made, that with parameters is in use."""
        return self.started_ms, not self.params, self.run_id

    @property
    def is_finished(self) -> bool:
        """Whether its results are complete."""
        return self.outcome == tags.FINISHED

    @property
    def is_only_asked(self) -> bool:
        """Whether no store has this: a definition asks for it."""
        return self.status == ASKED

    @property
    def is_group(self) -> bool:
        """Whether this is the parent run of a group."""
        return self.kind == tags.KIND_GROUP

    @property
    def has_validation(self) -> bool:
        """Whether it has stored predictions on validation data."""
        return "val" in self.splits

    @property
    def records(self) -> bool:
        """Whether its definition, or its group's, asks for the course of the training."""
        return "record.samples" in self.params

    @property
    def is_policy(self) -> bool:
        """Whether this is of policy networks."""
        return bool(self.task)

    @property
    def whole_group(self) -> tuple[str, str]:
        """What tells its group from others: a sweep's trial is a group of its own, arms of a study are in one."""
        return self.group_key or self.run_id, self.sweep

    @property
    def seeds_label(self) -> str:
        """The label of its seeds, such as `3`; of a group, of all of them: `0:5 7`."""
        return joined(seeds.label for seeds in self.seeds)

    @property
    def variant_label(self) -> str:
        """Variant, arm and changes: `long / all [network.growth=8]`."""
        name = f"{self.variant} / {self.arm}" if self.arm else self.variant
        return f"{name} [{self.changes_label}]" if self.changes_label else name

    @property
    def group_label(self) -> str:
        """Definition, variant, arm and changes: `quickstart: long / all [network.growth=8]`."""
        return f"{self.definition}: {self.variant_label}"


def data_seen(digests: Iterable[str]) -> str:
    """Return digests of data as one text: one, several where a run was resumed with other data, or nothing."""
    return " ".join(sorted(set(digests)))


def newest_per_key(runs: Iterable[StoredRun]) -> dict[str, StoredRun]:
    """Return one run for each run key, oldest first: the newest finished one, else the newest; not a replaced one."""
    best: dict[str, StoredRun] = {}
    for run in sorted(runs, key=lambda run: (run.status == "FINISHED", not run.replaced_by, run.started_ms)):
        best[run.run_key or run.run_id] = run
    return dict(sorted(best.items(), key=lambda item: item[1].started_ms))


def finished_per_key(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Return those of `newest_per_key` that have finished."""
    return [run for run in newest_per_key(runs).values() if run.is_finished]


def once_each(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Return runs without those that came before, by their ids."""
    return list({run.run_id: run for run in runs}.values())
