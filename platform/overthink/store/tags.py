"""Names in a store: tags of runs and experiments, artifacts, outcomes."""

RUN_KEY = "overthink.run_key"
GROUP_KEY = "overthink.group_key"
KIND = "overthink.kind"
KIND_RUN, KIND_GROUP = "run", "group"
DEFINITION = "overthink.definition"
VARIANT = "overthink.variant"
SEEDS = "overthink.seeds"
"""A run's seeds; on a group, those of all its runs."""
ARMS = "overthink.arms"
"""On the group of a study and its runs: arm -> the labels of the arm's seeds, as JSON."""
SWEEP, TRIAL = "overthink.sweep", "overthink.trial"
"""On a sweep's run and its trials': the name of its study; on a trial's, the trial's number."""
SCORE = "overthink.score"
"""On a sweep's trial that has finished: its objectives, and whether it keeps the sweep's bounds, as JSON."""
OUTCOME = "overthink.outcome"
MESSAGE = "overthink.message"
HOST = "overthink.host"
PROCESS = "overthink.process"
HEARTBEAT = "overthink.heartbeat"
"""Unix time in seconds at which the process of a run last reported that it is alive."""
ATTEMPT = "overthink.attempt"
"""The name that a run had in its journal before the store gave it an id: by it, a run is not made twice."""
REPLACES, REPLACED_BY = "overthink.replaces", "overthink.replaced_by"
"""Where a process has finished a run that another one had resumed meanwhile, the finished attempt is a run of its own:
on it, the id of the other run; on the other run, its id."""
FORCED = "overthink.forced"
"""On a run that was asked for with --force although its key was finished already."""
CHANGES = "overthink.changes"
"""What `--set` changed, for people: `network.growth=8`; empty for a definition as it is written."""
CHANGES_JSON = "overthink.changes_json"
"""The same as JSON: dotted path -> value; runs of earlier versions do not have it."""
PARENT_RUN, PARENT_KEY = "overthink.parent_run", "overthink.parent_key"
"""On a run whose first phases another run of the same seeds has trained, or a fork's first epochs: its id and key."""
SNAPSHOTS = "overthink.snapshots"
"""On a run: the epochs after which it has kept snapshots, joined by spaces."""
MAIN_RUN, MAIN_KEY = "overthink.main_run", "overthink.main_key"
"""On a policy network's run: the id and the key of the run whose exits it learned to choose."""
LABELLED_BY = "overthink.labelled_by"
"""On a policy network's run: the ids of the runs that its labels are averaged over, if they are."""
POLICY_RUNS = "overthink.policy_runs"
"""On a main network's run: the ids of the policy networks' runs that choose its exits."""
TASK, POLICY = "overthink.task", "policy"
"""On runs and groups of policy networks; multi-exit networks have no such tag."""
KERNELS = "overthink.kernels"
"""The kernels that train a run, or the runs of a group: native or torch; runs of earlier versions, by torch, have none.
"""
ESTIMATED_SECONDS, AT_ONCE = "overthink.estimated_seconds", "overthink.at_once"
"""On a run that was trained in one attempt: how long it was estimated to take, where that was known; and how many runs
of its launch were trained at once.
"""
INSTRUCTION_SET = "overthink.instruction_set"
"""On a run: of the processor's vector instructions, the set that its kernels used; on a GPU none."""
COMPILER, COMPILER_FLAGS = "overthink.compiler", "overthink.compiler_flags"
KERNEL_SOURCE, IMAGES_PER_BLOCK = "overthink.kernel_source", "overthink.images_per_block"
"""On a run by native kernels: what they were compiled with, the SHA-256 of their source, images that they hold at once.
"""
IMPORTED = "overthink.imported"
"""On runs and groups that were not trained here, imported ones and cascades: where their predictions are from."""
MEMBERS = "overthink.members"
"""On a run of a cascade: the ids of the runs that it is put together from, in order of cost."""
SPLITS = "overthink.splits"
"""On an imported run: the splits that it has predictions of; others have all."""
MIXED = "overthink.mixed"
"""On a run that was resumed under other settings than it was begun with: which."""
MUL_ADDS, PARAMETERS = "overthink.mul_adds", "overthink.parameters"
"""On runs and groups: what a sample costs up to and including each exit, and the network's parameters likewise; runs of
earlier versions have them as metrics, and so do readers of all (`network/mul_adds/exit_1`)."""
NOTE = "overthink.note"
"""On an experiment: the description that we gave it; where it reads otherwise now, a person edited it."""
REPORTED = "overthink.reported"
"""What a paper reports for a group, as JSON."""
PARENT_OF_MLFLOW, MLFLOW_NOTE = "mlflow.parentRunId", "mlflow.note.content"
RUN_COLOUR = "mlflow.runColor"
"""The colour of a run in MLflow's table and charts, which its users may choose: set as a run is made, and never after.
"""

VIEWS = "overthink.views"
"""On an experiment: the keys of its saved views, the one to open first."""

RATES = ("accuracy/last", "overthinking/any_later", "overthinking/final", "oracle/accuracy")
"""Metrics that every table shows, without their split: fractions from 0 to 1."""

SUMMARY = ("dataset", "network", "regime")
"""Parts of a definition that tags and parameters describe in a few words."""


def named(name: str) -> str:
    """Return our tag of a name: of a part of the definition (`dataset`), it describes the part in a few words."""
    return f"overthink.{name}"


def part_key(name: str) -> str:
    """Return the tag that holds the key of a part of the definition: equal keys, equal data, network or regime.

    `labels`, of policy networks: equal keys, equal labels of the test samples.
    """
    return f"overthink.{name}_key"


FINISHED, DIVERGED, FAILED, INTERRUPTED, RUNNING = "finished", "diverged", "failed", "interrupted", "running"
PRUNED = "pruned"
"""Of a run that a sweep ended early; where all of it is asked for, it is resumed from its checkpoint."""

DEFINITION_FILE = "definition.json"
PROVENANCE_FILE = "provenance.json"
"""Artifacts of every run."""
BUDGETS_FILE, ANALYSIS_PAGE = "analysis/budgets/{criterion}.json", "analysis/figures.html"
"""Artifacts of an analysed run; a group has the page alone."""
FREQUENCY_PAGE, GRAD_CAM_PICTURE = "analysis/frequency.html", "analysis/grad-cam.png"
"""Artifacts of runs whose images were looked at again."""
STUDY_PAGE, REPORT_PAGE = "analysis/study.html", "analysis/report.html"
"""Artifacts of groups: of a study's, and of those that a report shows."""
DYNAMICS_PAGE = "analysis/dynamics.html"
"""Artifact of groups, and of single runs, whose recorded courses were looked at."""
POLICIES_PAGE = "analysis/policies.html"
"""Artifact of groups, or runs, whose exit policies were compared."""
FIGURES_PAGE = "figures.html"
"""Artifact of every run and group."""
ANALYSIS = "overthink.analysis"
"""The version of the analysis that a run has; on a group, that and the runs that it shows."""
ANALYSIS_VERSION = "4"
"""Of what an analysis leaves behind; runs analysed by another one are analysed again."""
