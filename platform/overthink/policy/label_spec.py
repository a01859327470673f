"""How the samples of an early-exit data set get their labels, as a definition says it."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from overthink.policy.exit_labels import ExitLabels, checked_exits, labels_by_first, labels_by_score
from overthink.predictions.predictions import Predictions
from overthink.spec import Spec


class LabelSpec(Spec):
    """Which exit of M each sample is labelled with, and where the samples come from (thesis section 4.2.1)."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    rule: Literal["score", "first"] = "score"
    """The right exit of the highest score (thesis eqs. 4.1 and 4.2), or the first that is right."""
    weight: Annotated[float, Field(gt=0, alias="lambda")] = 5.0
    """lambda of the score: the larger, the less a low cost counts. The first right exit has no use for it."""
    exits: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    """The exits that compete, such as the first and the last (thesis section 4.2.3); all where left out."""
    source: Literal["validation", "training"] = "validation"
    """The part of M's data that becomes the training set; its test samples become the test set."""
    allow_training_data: bool = False
    permuted: bool = False
    """A control: the labels of the training and validation sets shuffled, so that there is nothing to learn."""

    @model_validator(mode="after")
    def _no_leak(self) -> Self:
        if self.source == "training" and not self.allow_training_data:
            raise ValueError(
                "source: training takes samples that M was trained on, which it has by heart: nearly all are right at "
                "exit 1, as in the thesis's figure 4.1 (left); allow_training_data: true takes them all the same"
            )
        return self

    def chosen(self, n_exits: int) -> tuple[int, ...]:
        """Return the exits that compete, in order; raise ValueError where the network lacks one."""
        return checked_exits(self.exits, n_exits)

    def of(self, predictions: Predictions) -> ExitLabels:
        """Return the labels of samples that M was asked about."""
        if self.rule == "first":
            return labels_by_first(predictions, self.exits)
        return labels_by_score(predictions, self.weight, self.exits)

    @property
    def test_label(self) -> str:
        """A few words on what makes the labels of the test samples: rule and exits; equal for equal labels."""
        rule = "first right exit" if self.rule == "first" else f"lambda {self.weight:g}"
        return ", ".join([rule, *([f"exits {','.join(map(str, self.exits))}"] if self.exits else [])])

    @property
    def label(self) -> str:
        """A few words: the rule, the exits, what is odd."""
        parts = [
            self.test_label,
            *(["training data"] if self.source == "training" else []),
            *(["permuted"] if self.permuted else []),
        ]
        return ", ".join(parts)
