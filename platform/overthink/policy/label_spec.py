"""Specification of the labels of an early-exit data set."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from overthink.policy.exit_labels import ExitLabels, checked_exits, labels_by_first, labels_by_score
from overthink.predictions.predictions import Predictions
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

    @model_validator(mode="after")
    def _no_leak(self) -> Self:
        if self.source == "training" and not self.allow_training_data:
            raise ValueError(
                "source: training uses samples that M was trained on and has memorised: nearly all are right at exit "
                "1, as in the thesis's figure 4.1 (left); set allow_training_data: true to use them anyway"
            )
        return self

    def chosen(self, n_exits: int) -> tuple[int, ...]:
        """Return the competing exits in order; raise ValueError if the network lacks one."""
        return checked_exits(self.exits, n_exits)

    def of(self, predictions: Predictions) -> ExitLabels:
        """Return the labels of the samples of M's predictions."""
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
        """A short name: the rule, the exits, and options that are not the default."""
        parts = [
            self.test_label,
            *(["training data"] if self.source == "training" else []),
            *(["permuted"] if self.permuted else []),
        ]
        return ", ".join(parts)
