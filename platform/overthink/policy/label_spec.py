"""Specification of the labels of an early-exit data set."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from overthink.policy.exit_labels import ExitLabels, checked_exits, labels_by_first, labels_by_score
from overthink.predictions.predictions import Predictions
from overthink.seeds import Seed, Seeds, joined
from overthink.spec import Spec


class LabelSpec(Spec):
    """The rule that labels each sample with an exit of M, and the samples that are labelled (thesis section 4.2.1)."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    rule: Literal["score", "first"] = "score"
    """The right exit of the highest score (thesis eqs. 4.1 and 4.2), or the first that is right."""
    weight: Annotated[float, Field(gt=0, alias="lambda")] = 5.0
    """lambda of the score: the larger, the less cost matters. Unused by rule `first`."""
    exits: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    """The competing exits, such as the first and the last (thesis section 4.2.3); all exits if left out."""
    source: Literal["validation", "training"] = "validation"
    """The split of M's data that becomes the training set; M's test samples become the test set."""
    allow_training_data: bool = False
    permuted: bool = False
    """A control: the labels of the training and validation sets are randomly permuted."""
    averaged_over: Annotated[tuple[Seed | Seeds, ...], Field(min_length=2)] | None = None
    """Seeds of trainings of M: a sample's label is the exit that is best on average over them, also on test data.

    D_ee then has the validation samples that M and all of these trainings held out. If left out: M's own labels.
    """

    @field_validator("averaged_over")
    @classmethod
    def _in_order(cls, averaged_over: tuple[int | Seeds, ...] | None) -> tuple[int | Seeds, ...] | None:
        """Sort, and write seeds that are equal in all streams as one number: equal sets are equal definitions."""
        if averaged_over is None:
            return None
        seeds = {one.label: one for one in map(_seeds, averaged_over)}
        if len(seeds) < len(averaged_over):
            raise ValueError(
                f"averaged_over names a training twice: {joined(_seeds(one).label for one in averaged_over)}"
            )
        ordered = sorted(seeds.values(), key=lambda one: [getattr(one, stream) for stream in Seeds.model_fields])
        return tuple(int(one.label) if one.label.isdecimal() else one for one in ordered)

    @model_validator(mode="after")
    def _no_leak(self) -> Self:
        if self.source == "training" and not self.allow_training_data:
            raise ValueError(
                "source: training uses samples that M was trained on and has memorised: nearly all are right at exit "
                "1, as in the thesis's figure 4.1 (left); set allow_training_data: true to use them anyway"
            )
        if self.source == "training" and self.averaged_over is not None:
            raise ValueError(
                "averaged_over needs source: validation: trainings are averaged on samples that all of them held out"
            )
        return self

    def chosen(self, n_exits: int) -> tuple[int, ...]:
        """Return the competing exits in order; raise ValueError if the network lacks one."""
        return checked_exits(self.exits, n_exits)

    @property
    def averaged_seeds(self) -> tuple[Seeds, ...]:
        """Seeds of the trainings that labels are averaged over; none where they are M's own."""
        return tuple(map(_seeds, self.averaged_over or ()))

    def of(self, *trainings: Predictions) -> ExitLabels:
        """Return the labels of samples by one training's predictions, or by several trainings' for the same samples."""
        if self.rule == "first":
            return labels_by_first(trainings, self.exits)
        return labels_by_score(trainings, self.weight, self.exits)

    @property
    def test_label(self) -> str:
        """A few words on what makes the labels of the test samples: rule, exits, trainings; equal for equal labels."""
        parts = [
            "first right exit" if self.rule == "first" else f"lambda {self.weight:g}",
            *([f"exits {','.join(map(str, self.exits))}"] if self.exits else []),
            *(
                [f"averaged over seeds {joined(one.label for one in self.averaged_seeds)}"]
                if self.averaged_over
                else []
            ),
        ]
        return ", ".join(parts)

    @property
    def label(self) -> str:
        """A short name: the rule, the exits, and options that are not the default."""
        parts = [
            self.test_label,
            *(["training data"] if self.source == "training" else []),
            *(["permuted"] if self.permuted else []),
        ]
        return ", ".join(parts)


def _seeds(training: int | Seeds) -> Seeds:
    return training if isinstance(training, Seeds) else Seeds.same(training)
