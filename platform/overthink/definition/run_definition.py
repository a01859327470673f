"""The definition of a run: data, network, regime and seeds; for a policy network also its main network."""

from collections.abc import Iterable
from itertools import product
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from overthink.data.augment import AugmentSpec
from overthink.data.catalogue import DatasetSpec
from overthink.definition.errors import DefinitionError
from overthink.definition.plain_data import short_hash, validated
from overthink.networks.catalogue import NetworkSpec
from overthink.networks.weights_spec import WeightsSpec
from overthink.plugins.modules import reads_own_definition
from overthink.policy.label_spec import LabelSpec
from overthink.seeds import Seed, Seeds
from overthink.spec import WHOLE, Spec
from overthink.store.changes import Changes
from overthink.training.record_spec import RecordSpec
from overthink.training.regime import Regime, check_epochs, check_regime, check_undivided
from overthink.untrusted import parse_json

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]{0,99}$")]
Kernels = Literal["torch", "native"]
KERNELS: tuple[Kernels, ...] = get_args(Kernels)
Precision = Literal["f32", "tf32", "bf16"]
LEAST_BATCH = 2
NAMES = ("of_name", "of_variant", "of_description", "of_changes")
"""Fields with names of a policy's main network; they do not change the key."""


class GroupDefinition(Spec):
    """The definition of a group of runs: everything that defines a run except its seeds."""

    schema_version: Annotated[Literal[1], WHOLE]
    dataset: DatasetSpec
    augment: AugmentSpec | None = None
    """The data set's standard augmentation if left out; `{}` for none."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of the training samples split off for validation (thesis section 4.2: 20%)."""
    network: NetworkSpec
    weights: WeightsSpec | None = None
    """A file of weights to start from; drawn from the run's seed if left out. The key has it where it is given."""
    regime: Regime
    """Its phases; none, `[]`, to evaluate the weights of a file as they are."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """CPU threads of one run. With torch's kernels they change the last bits of a result, so they count in its key."""
    kernels: Kernels = "torch"
    """What computes the convolutions of training: torch's kernels, or the native ones of `networks.fast`, on a CPU.

    The key holds `kernels` where they are native, and then leaves `threads` out: native kernels give the same bits at
    any number of threads. The default is torch, so every run that was trained before there was a choice keeps its key.
    A definition that leaves `kernels` out leaves the choice to the launch (`--kernels`, `launching.kernels_choice`);
    written out, torch's too, it is kept.
    """
    precision: Precision = "f32"
    """In which a GPU trains: float32, as a CPU; `tf32`: it multiplies numbers of 10 bits after the point and adds in
    float32; `bf16`: torch's autocast to bfloat16, with weights, losses and the optimiser in float32. Predictions of a
    network trained in `bf16` are computed in float32. The key has it where it is not float32.
    """
    keep_logits: bool = False
    """Store all logits in the predictions, in addition to the values derived from them."""
    keep: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Epochs, counted over all phases, after which a snapshot is kept. It changes no result, so it is in no key."""
    record: RecordSpec | None = None
    """Which samples' answers to record in the course of the training; none if left out. The key has it where it is
    given: what the run leaves behind differs, although its weights do not.
    """
    policy: "PolicySpec | None" = None
    """For a policy network M_ee: its main network M and its labels. Its classes are exits of M, its data set is M's."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.policy is not None:
            self._check_policy(self.policy)
        if self.precision != "f32" and self.kernels == "native":
            raise ValueError(f"precision: native kernels compute in float32 on a CPU, not in {self.precision}")
        network = self.network.resolved(self.dataset.input_shape, self.n_classes)
        self.__dict__["network"] = network  # a specification is frozen, and this completes it
        if not network.divided:
            check_undivided(self.regime, network.label)
        try:
            self.network.check(self.dataset.input_shape, self.n_classes)
        except ValueError:
            self.dataset.check()  # a shape that was written in another order explains it
            raise
        self._check_start()
        return self

    def _check_start(self) -> None:
        """Complete `weights`, and raise ValueError where there is nothing to train and nothing trained."""
        if self.weights is not None and reads_own_definition():
            self.__dict__["weights"] = self.weights.resolved()
            self.weights.check(self.network, self.dataset.input_shape, self.n_classes)
        trained = self.weights is not None or self.network.is_pretrained
        if not self.regime and not trained:
            raise ValueError("regime: it has no phase, which only weights from a file (weights) can do without")
        check_regime(self.regime, self.network.blocks, trained)
        check_epochs("keep", self.keep, self.regime)
        if self.record is not None and not self.regime:
            raise ValueError("record: nothing is trained (regime: []), so there is no course to record")

    @model_serializer(mode="wrap")
    def _leave_kernels_open(self, as_plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the definition as plain data, without kernels that are not written out: in a file they would be.

        Without snapshots it reads as it did before there were any.
        """
        plain: dict[str, Any] = as_plain(self)
        if not self.has_kernels:
            plain.pop("kernels", None)
        if not self.keep:
            plain.pop("keep", None)
        return plain

    def _check_policy(self, policy: "PolicySpec") -> None:
        if policy.of.policy is not None:
            raise ValueError("policy.of: the main network must be a multi-exit network, not a policy network")
        if policy.of.dataset != self.dataset:
            raise ValueError(
                f"dataset: a policy network uses its main network's, {policy.of.dataset.kind}; leave it out"
            )
        try:
            policy.labels.chosen(policy.of.network.blocks)
        except ValueError as error:
            raise ValueError(f"policy.labels.{error}") from None

    @property
    def with_clean_tests(self) -> Self:
        """The definition with the same network and training, tested on images as they are."""
        clean = self.model_copy(update={"dataset": self.dataset.model_copy(update={"corruption": None})})
        if self.policy is None:
            return clean
        main = self.policy.of.with_clean_tests
        return clean.model_copy(update={"policy": self.policy.model_copy(update={"of": main})})

    @property
    def n_classes(self) -> int:
        """Number of classes: the data set's, or the competing exits of a policy network."""
        return self.dataset.n_classes if self.policy is None else len(self.policy.exits)

    @property
    def largest_batch(self) -> int:
        """Images of the largest batch of its phases."""
        return max((phase.batch_size for phase in self.regime), default=LEAST_BATCH)

    @property
    def for_kernels(self) -> tuple[NetworkSpec, tuple[int, int, int], int, int, bool, bool]:
        """What `networks.availability.native_obstacle` takes, to say whether native kernels can train it."""
        equilibrium = any(phase.gradient_equilibrium for phase in self.regime)
        last_exit_alone = any(phase.exits == "last" for phase in self.regime)
        size = self.dataset.input_shape, self.n_classes, self.largest_batch
        return self.network, *size, equilibrium, last_exit_alone

    @property
    def augmentation(self) -> AugmentSpec:
        """Augmentation of training images: as defined, otherwise the data set's standard."""
        return self.dataset.augment if self.augment is None else self.augment

    @property
    def key(self) -> str:
        """The run key, or the group key where there are no seeds: a hash of every value that is not the default.

        A field added in a later version leaves the keys of older runs unchanged.
        """
        changed = self.model_dump(mode="json", exclude_defaults=True)
        changed.pop("keep", None)
        if self.kernels == "native":
            changed.pop("threads", None)
        if self.augmentation == self.dataset.augment:  # written out or left out, the standard is the same run
            changed.pop("augment", None)
        if self.weights is not None:  # what the file holds counts, and not where it lies
            changed["weights"].pop("file")
        if self.policy is not None:  # the main network counts by its own key; its names do not count
            changed["policy"] = {**changed["policy"], "of": self.policy.of.key, **dict.fromkeys(NAMES, "")}
        return short_hash(changed)

    @property
    def plain(self) -> dict[str, Any]:
        """The definition as plain data without values that are the default, but with kernels where written out."""
        plain = self.model_dump(mode="json", exclude_defaults=True)
        if self.has_kernels:
            plain["kernels"] = self.kernels
        if self.policy is not None:
            plain["policy"]["of"] = self.policy.of.plain
        return plain

    @property
    def has_kernels(self) -> bool:
        """Whether `kernels` are written out, so that a launch does not choose them."""
        return "kernels" in self.model_fields_set

    @property
    def possible_kernels(self) -> tuple[Kernels, ...]:
        """The kernels that compute in its precision."""
        return KERNELS if self.precision == "f32" else ("torch",)

    def by(self, kernels: Kernels) -> "GroupDefinition":
        """Return the definition with kernels written out; those of a policy's main network stay."""
        return self.model_copy(update={"kernels": kernels})

    def keeping(self, epochs: Iterable[int]) -> Self:
        """Return the definition with snapshots after these epochs."""
        return self.model_copy(update={"keep": tuple(epochs)})

    def with_main(self, main: "GroupDefinition") -> "GroupDefinition":
        """Return a policy network's definition with another main network of the same names."""
        assert self.policy is not None
        return self.model_copy(update={"policy": self.policy.model_copy(update={"of": main})})

    @property
    def by_either_kernels(self) -> "tuple[GroupDefinition, ...]":
        """The definitions that a launch may choose among, torch first: one where kernels are written out."""
        own = (self.kernels,) if self.has_kernels else self.possible_kernels
        mains = () if self.policy is None else self.policy.of.by_either_kernels
        with_mains = [self.with_main(main) for main in mains] or [self]
        return tuple(one.by(kernels) for one, kernels in product(with_mains, own))

    def with_seeds(self, seeds: Seeds) -> "RunDefinition":
        """Return the definition of the run of this group with some seeds."""
        return RunDefinition(**{name: getattr(self, name) for name in GroupDefinition.model_fields}, seeds=seeds)


class RunDefinition(GroupDefinition):
    """The definition of one run; stored with the run, it is sufficient to repeat it."""

    seeds: Seeds

    @model_validator(mode="after")
    def _fork_fits(self) -> Self:
        if self.seeds.fork is not None:
            check_epochs("seeds.fork.at", (self.seeds.fork.at,), self.regime)
        return self

    @property
    def trunk(self) -> "RunDefinition | None":
        """Of a fork, the run that it shares its first epochs with, which keeps a snapshot of the last of them."""
        if self.seeds.fork is None or self.seeds.trunk is None:
            return None
        return self.group.keeping([self.seeds.fork.at]).with_seeds(self.seeds.trunk)

    @property
    def chooses_for(self) -> "RunDefinition | None":
        """The run of a policy network's main network; None for a multi-exit network."""
        if self.policy is None:
            return None
        seed = self.policy.of_seed
        seeds = self.seeds if seed == "same" else Seeds.same(seed)
        return self.policy.of.with_seeds(seeds)

    @property
    def labelled_by(self) -> "tuple[RunDefinition, ...]":
        """Of a policy network, the runs of M that labels are averaged over; none where they are its own M's."""
        return () if self.policy is None else tuple(map(self.policy.of.with_seeds, self.policy.labels.averaged_seeds))

    @property
    def group(self) -> GroupDefinition:
        """The definition without its seeds."""
        return GroupDefinition(**{name: getattr(self, name) for name in GroupDefinition.model_fields})


class PolicySpec(Spec):
    """A policy network's main network M and labels (thesis section 4.2, steps 2 to 4)."""

    of: GroupDefinition
    """M. In a file: the name of a definition, or {definition, variant, set}."""
    of_name: Name
    of_variant: Name
    of_description: Annotated[str, Field(min_length=1)]
    of_changes: Changes = Field(default_factory=dict)
    """Names of M: its definition, variant, description, and the values set in the reference."""
    of_seed: Literal["same"] | Seed = "same"
    """`same`: each policy network uses the M with its own seeds; a seed: all use the M with this seed."""
    labels: LabelSpec = LabelSpec()

    @property
    def exits(self) -> tuple[int, ...]:
        """The competing exits, numbered from 1."""
        return self.labels.chosen(self.of.network.blocks)


GroupDefinition.model_rebuild()
RunDefinition.model_rebuild()


def parse_run(text: str, source: str) -> RunDefinition:
    """Return a run from its stored definition (JSON text); raises DefinitionError if it is not valid."""
    try:
        raw = parse_json(text)
    except ValueError as error:
        raise DefinitionError(f"{source}: {error}") from None
    return validated(RunDefinition, raw, source)
