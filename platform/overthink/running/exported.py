"""The folder of an exported run, read back. It may be from anybody: all of it is checked before any of it is used."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, JsonValue

from overthink.definition.errors import DefinitionError
from overthink.definition.plain_data import validated
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.predictions.course import COURSE_FILE
from overthink.predictions.course_file import read_course
from overthink.predictions.predictions import Predictions
from overthink.running.provenance import attempts_of
from overthink.running.run_files import EVERYTHING
from overthink.seeds import joined, seeds_of_labels
from overthink.spec import Spec
from overthink.store import tags
from overthink.store.artifact_files import check_file
from overthink.store.stored import StoredRun
from overthink.training.checkpoint import CheckpointInfo, load_trained
from overthink.training.phases import blank_network
from overthink.training.regime import OWN_CHECKPOINT
from overthink.untrusted import name_of, parse_json

RUN_FILE = "run.json"
LONGEST_FACTS = 200_000
Text = Annotated[str, Field(max_length=8000)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
ArmName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}(:[0-9]{1,8})?(@[0-9]{1,4})?$")]
"""With the epoch of a fork, and the number of a base point: `later:10@2`."""


class ReportedFact(Spec):
    """What a paper reports for a metric of the run."""

    metric: Text
    value: float
    source: Text
    approximate: bool


class RunFacts(Spec):
    """What `run.json` says: the run's place among others, which its definition does not hold."""

    model_config = ConfigDict(**{**Spec.model_config, "extra": "ignore"})

    format: Literal[1] = 1
    name: Text
    run_id: Text
    run_key: Text
    experiment: Name
    variant: Name = "base"
    seeds: Text
    dataset: Text = ""
    network: Text = ""
    regime: Text = ""
    imported: Text = ""
    """Of a network trained elsewhere: where its predictions are from."""
    changes: dict[str, JsonValue] = Field(default_factory=dict)
    changes_label: Text = ""
    arms: dict[ArmName, Text] = Field(default_factory=dict)
    """Of a study's run: arm -> the labels of its seeds."""
    reported: tuple[ReportedFact, ...] = ()


def facts_of(run: StoredRun) -> RunFacts:
    """Return what `run.json` says of a stored run; raises DefinitionError where its tags do not fit into one."""
    facts = {
        "name": run.name,
        "run_id": run.run_id,
        "run_key": run.run_key,
        "experiment": run.definition,
        "variant": run.variant,
        "seeds": run.seeds_label,
        "dataset": run.dataset.label,
        "network": run.network.label,
        "regime": run.regime.label,
        "imported": run.imported,
        "changes": dict(run.changes),
        "changes_label": run.changes_label,
        "arms": {name: joined(seeds.label for seeds in arm) for name, arm in run.arms.items()},
        "reported": [{"metric": metric, **vars(number)} for metric, number in run.reported.items()],
    }
    return validated(RunFacts, facts, f"run {name_of(run.run_id)[:8]}")


class Restored(NamedTuple):
    """What an exported run's files hold, found to fit together."""

    checkpoint: CheckpointInfo
    mul_adds: tuple[int, ...]
    parameters: tuple[int, ...]
    samples: dict[str, int]
    attempts: list[dict[str, Any]]
    """Of its provenance."""


class ExportedRun:
    """An exported run; raises DefinitionError where `run.json` or `definition.json` is missing or not valid."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        source = name_of(str(folder / RUN_FILE))
        raw = _parsed(folder / RUN_FILE, LONGEST_FACTS)
        self.facts = validated(RunFacts, raw, source)
        try:
            (self.seeds,) = seeds_of_labels(self.facts.seeds)
            self.arms = {name: seeds_of_labels(labels) for name, labels in self.facts.arms.items()}
        except ValueError:
            raise DefinitionError(f"{source}: seeds: expected those of one run, and of arms") from None

    @property
    def is_imported(self) -> bool:
        """Whether its network was trained elsewhere, so that there are predictions and no definition."""
        return bool(self.facts.imported)

    @cached_property
    def definition(self) -> RunDefinition:
        """Its resolved definition; raises DefinitionError where that is not valid, or another run's."""
        file = self.folder / tags.DEFINITION_FILE
        run = parse_run(_text(file), name_of(str(file)))
        if run.key != self.facts.run_key or run.seeds != self.seeds:
            raise DefinitionError(
                f"{name_of(str(file))}: it is the definition of run {run.key}, but {RUN_FILE} is of run "
                f"{name_of(self.facts.run_key)[:40]}; export the run anew with this version of overthink"
            )
        return run

    @property
    def files(self) -> dict[str, str]:
        """Its files, as they lie in a run's folder -> as they lie here."""
        splits = ("val", "test", *([EVERYTHING] if self.definition.policy is not None else []))
        return {
            OWN_CHECKPOINT: f"checkpoint/{OWN_CHECKPOINT}",
            **{f"{split}.parquet": f"predictions/{split}.parquet" for split in splits},
            **({COURSE_FILE: f"predictions/{COURSE_FILE}"} if self.definition.record is not None else {}),
        }

    def checked(self) -> Restored:
        """Return what its files hold; raises ValueError or OSError naming the file that does not fit."""
        run, shape = self.definition, self.definition.dataset.input_shape
        for name in self.files.values():
            with _named(self.folder / name):
                check_file(self.folder, name)
        network = blank_network(run.network, run.regime, shape, run.n_classes, run.seeds)
        checkpoint = load_trained(self.folder / self.files[OWN_CHECKPOINT], network, run.key)
        costs = mul_adds(network, shape)
        fingerprint = f"run {run.key} data {checkpoint.data_digest}"
        samples = {
            split: self._samples(split, fingerprint, costs)
            for split in (Path(name).stem for name in self.files if name not in (OWN_CHECKPOINT, COURSE_FILE))
        }
        self._check_course(fingerprint, len(costs))
        file = self.folder / tags.PROVENANCE_FILE
        with _named(file):
            attempts = attempts_of(_text(file)) if file.exists() else []
        return Restored(checkpoint, costs, tuple(parameter_counts(network)), samples, attempts)

    def _check_course(self, fingerprint: str, n_exits: int) -> None:
        """Raise DefinitionError where its definition records a course, and its file holds none of this run."""
        if self.definition.record is None:
            return
        file = self.folder / self.files[COURSE_FILE]
        with _named(file):
            found = read_course(file)
            if (found.fingerprint, found.split) != (fingerprint, self.definition.record.samples):
                raise ValueError("it holds another course than that of this run")
            if found.n_exits != n_exits:
                raise ValueError(f"it is of {found.n_exits} exits, and the run's network has {n_exits}")

    def _samples(self, split: str, fingerprint: str, costs: Sequence[int]) -> int:
        file = self.folder / f"predictions/{split}.parquet"
        found = Predictions.read(file)
        if found.fingerprint != fingerprint or found.split != split:
            raise ValueError(f"{name_of(str(file))}: it holds other predictions than those of this run's {split} split")
        if found.cost_E is None or tuple(found.cost_E.tolist()) != tuple(costs):
            raise ValueError(f"{name_of(str(file))}: its MUL-ADDs are other ones than those of the run's network")
        return len(found.ids_N)


def exported_runs(place: Path) -> list[ExportedRun]:
    """Return the exported runs in a folder: the folder is one run's, or has a folder each.

    Raises DefinitionError where there is none, or where one of them is not valid.
    """
    root = place.resolve() if place.is_symlink() else place  # what a person names may be a link, what is in it may not
    folders = [file.parent for file in sorted([*root.glob(RUN_FILE), *root.glob(f"*/{RUN_FILE}")])]
    if not folders:
        raise DefinitionError(
            f"{name_of(str(place))}: no exported run is in this folder: none of its folders has {RUN_FILE}; to import "
            "files of predictions, name an experiment and add --test FILE"
        )
    return [ExportedRun(folder) for folder in folders]


def plain_settings(attempts: Sequence[Mapping[str, Any]]) -> dict[str, str | int | bool]:
    """Return the settings of the last of some attempts, those that are plain."""
    settings = attempts[-1].get("settings") if attempts else None
    found = settings if isinstance(settings, dict) else {}
    return {
        name_of(str(key)): name_of(value) if isinstance(value, str) else value
        for key, value in list(found.items())[:100]
        if isinstance(value, str | int | bool)
    }


def _parsed(file: Path, longest: int) -> Any:
    with _named(file):
        return parse_json(_text(file), longest)


def _text(file: Path) -> str:
    with _named(file):
        check_file(file.parent, file.name)
        try:
            return file.read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(error.strerror or str(error)) from None
        except UnicodeDecodeError:
            raise ValueError("it is no text") from None


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except DefinitionError:
        raise
    except ValueError as error:
        raise DefinitionError(f"{name_of(str(file))}: {error}") from None
