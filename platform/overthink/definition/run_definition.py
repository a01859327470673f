"""What makes a run what it is: data, network, regime, seeds; of a policy network, the main network that it serves."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from overthink.data.augment import AugmentSpec
from overthink.data.catalogue import DatasetSpec
from overthink.definition.errors import DefinitionError, sentence_for
from overthink.networks.catalogue import NetworkSpec, check_network
from overthink.policy.label_spec import LabelSpec
from overthink.seeds import STREAMS, Seed, Seeds
from overthink.spec import Spec
from overthink.store.changes import Changes
from overthink.training.regime import Regime, check_regime

S = TypeVar("S", bound=Spec)
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]{0,99}$")]
NAMES = ("of_name", "of_variant", "of_description", "of_changes")
"""What a policy's main network is called."""


class GroupDefinition(Spec):
    """Everything that makes a run what it is, the seeds left out."""

    schema_version: Literal[1]
    dataset: DatasetSpec
    augment: AugmentSpec | None = None
    """Left out: the data set's standard one. `{}` is none at all."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of the training samples set aside for validation (thesis section 4.2: 20%)."""
    network: NetworkSpec
    regime: Regime
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """CPU threads of one run. They change the last bits of a result, so they belong to the definition."""
    keep_logits: bool = False
    """Keep every logit among the predictions, beside what is derived from them."""
    policy: "PolicySpec | None" = None
    """Of a policy network M_ee: whose exits it learns to choose. Its classes are those exits, its data set is M's."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.policy is not None:
            self._check_policy(self.policy)
        check_network(self.network, self.dataset.input_shape, self.n_classes)
        check_regime(self.regime, self.network.blocks)
        return self

    def _check_policy(self, policy: "PolicySpec") -> None:
        if policy.of.policy is not None:
            raise ValueError(
                "policy.of: a policy network chooses exits of a multi-exit network, not of another policy network"
            )
        if policy.of.dataset != self.dataset:
            raise ValueError(
                f"dataset: a policy network has its main network's, {policy.of.dataset.kind}; leave it out"
            )
        try:
            policy.labels.chosen(policy.of.network.blocks)
        except ValueError as error:
            raise ValueError(f"policy.labels.{error}") from None

    @property
    def n_classes(self) -> int:
        """What the network tells apart: the data set's classes, or the exits that a policy network chooses from."""
        return self.dataset.n_classes if self.policy is None else len(self.policy.exits)

    @property
    def augmentation(self) -> AugmentSpec:
        """What happens to training images: as written, else the data set's standard."""
        return self.dataset.augment if self.augment is None else self.augment

    @property
    def key(self) -> str:
        """The group key."""
        return run_or_group_key(self)

    def with_seeds(self, seeds: Seeds) -> "RunDefinition":
        """Return the definition of one run of this group."""
        return RunDefinition(**{name: getattr(self, name) for name in GroupDefinition.model_fields}, seeds=seeds)


class RunDefinition(GroupDefinition):
    """One training of one network with one set of seeds: enough to repeat a run from the store alone."""

    seeds: Seeds

    @property
    def chooses_for(self) -> "RunDefinition | None":
        """Of a policy network, the run whose exits it chooses from; None for a multi-exit network."""
        if self.policy is None:
            return None
        seed = self.policy.of_seed
        seeds = self.seeds if seed == "same" else Seeds(**dict.fromkeys(STREAMS, seed))
        return self.policy.of.with_seeds(seeds)

    @property
    def group(self) -> GroupDefinition:
        """The same without its seeds."""
        return GroupDefinition(**{name: getattr(self, name) for name in GroupDefinition.model_fields})


class PolicySpec(Spec):
    """Whose exits a policy network learns to choose, and by what labels (thesis section 4.2, steps 2 to 4)."""

    of: GroupDefinition
    """M. In a file: the name of a definition, or {definition, variant, set}."""
    of_name: Name
    of_variant: Name
    of_description: Annotated[str, Field(min_length=1)]
    of_changes: Changes = Field(default_factory=dict)
    """What M is called: its definition, the variant, what the definition says about itself, what departs from it."""
    of_seed: Literal["same"] | Seed = "same"
    """M of the policy network's own seeds, or one M for all of them."""
    labels: LabelSpec = LabelSpec()

    @property
    def exits(self) -> tuple[int, ...]:
        """The exits to choose from, numbered from 1."""
        return self.labels.chosen(self.of.network.blocks)


GroupDefinition.model_rebuild()
RunDefinition.model_rebuild()


def parse_run(text: str, source: str) -> RunDefinition:
    """Read the JSON of a resolved run, as stored with every run; raise DefinitionError where it is not one."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f"{source}: not readable as JSON: {error}") from None
    return validated(RunDefinition, raw, source)


def validated(model: type[S], raw: Any, source: str) -> S:
    """Return raw data as a specification; raise DefinitionError in one sentence where it is not one."""
    try:
        return model.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise DefinitionError(sentence_for(error, model, source, raw)) from None


def run_or_group_key(definition: GroupDefinition) -> str:
    """Return the hash of what departs from the defaults; of a run, its seeds included."""
    departs = definition.model_dump(mode="json", exclude_defaults=True)
    if definition.augmentation == definition.dataset.augment:  # the standard, written out or not, is the same run
        departs.pop("augment", None)
    if definition.policy is not None:  # its main network goes by what it is, not by what it is called
        departs["policy"] = {**departs["policy"], "of": definition.policy.of.key, **dict.fromkeys(NAMES, "")}
    return short_hash(departs)


def short_hash(departs: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(departs, sort_keys=True).encode()).hexdigest()[:16]
