"""Losses over all exits. A loss returns one number per exit, already weighted; training minimises their sum.

torch is imported where it is used: definitions load without it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field, model_validator

from overthink.spec import Spec

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Loss(Protocol):
    """What training minimises the sum of."""

    def __call__(
        self, logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", teacher_BC: "Tensor | None" = None
    ) -> "Tensor":
        """Return losses_E from the logits of exits 1..E, and those of a frozen teacher where the loss has one."""


class _Weighted(Spec):
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = None
    """gamma, one per exit; 1 for every exit where left out, as in the thesis."""

    @model_validator(mode="after")
    def _some_weight(self) -> "_Weighted":
        if self.weights is not None and not sum(self.weights) > 0:
            raise ValueError(f"weights: at least one exit needs a weight above 0, got {list(self.weights)}")
        return self


class JointLossSpec(_Weighted):
    """Joint cross-entropy (thesis eq. 3.6): every exit learns the label, exit i with weight gamma_i."""

    kind: Literal["joint"]
    balanced: bool = False
    """Whether samples of rare classes count more: w_y = max(C) / C[y], C the training samples of each class (thesis
    eq. 4.3). A batch's loss is the weighted mean.
    """


class OfaLossSpec(_Weighted):
    """One-for-all knowledge distillation (Li et al. 2019; thesis eqs. 3.12 and 3.13): exits learn from the last exit.

    L_i = alpha CE(y, p_i) + (1 - alpha) T^2 KL(p_teacher || p_i) for i < E, both softmaxes in KL at temperature T; the
    last exit learns the label alone. The thesis has T = 1 and does not write the factor T^2, which is then 1.
    """

    kind: Literal["ofa"]
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Share of the cross-entropy. (The thesis calls it OFA's share; by its formula it is the opposite.)"""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    teacher: Literal["previous", "own"] = "previous"
    """The last exit as the phase before left it, frozen, as in the original; or the network's own, detached."""
    reduction: Literal["batchmean", "mean"] = "batchmean"
    """KL summed over classes and averaged over the batch, as in the formula; or averaged over the classes, too, as in
    the original authors' code: weaker by a factor of the number of classes.
    """


LossSpec = Annotated[JointLossSpec | OfaLossSpec, Field(discriminator="kind")]


def build_loss(
    spec: JointLossSpec | OfaLossSpec,
    n_exits: int,
    device: "torch.device",
    class_weights_C: "Tensor | None" = None,
) -> Loss:
    """Return the loss of a specification; raises ValueError where its weights do not fit the number of exits."""
    import torch

    check_loss(spec, n_exits)
    weights_E = torch.ones(n_exits) if spec.weights is None else torch.tensor(spec.weights)
    weights_E = weights_E.to(device)

    def joint(logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", teacher_BC: "Tensor | None" = None) -> "Tensor":
        return weights_E * cross_entropy(logits_EBC, labels_B, class_weights_C)

    def ofa(logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", teacher_BC: "Tensor | None" = None) -> "Tensor":
        assert isinstance(spec, OfaLossSpec)
        assert (teacher_BC is not None) == (spec.teacher == "previous")
        learned_from_BC = logits_EBC[-1].detach() if teacher_BC is None else teacher_BC
        divergence_E = distillation(logits_EBC[:-1], learned_from_BC, spec)
        entropy_E = cross_entropy(logits_EBC, labels_B)
        mixed_E = spec.alpha * entropy_E[:-1] + (1 - spec.alpha) * divergence_E
        return weights_E * torch.cat([mixed_E, entropy_E[-1:]])

    return joint if spec.kind == "joint" else ofa


def check_loss(spec: JointLossSpec | OfaLossSpec, n_exits: int) -> None:
    """Raise ValueError where a loss does not fit a network of so many exits."""
    if spec.weights is not None and len(spec.weights) != n_exits:
        raise ValueError(f"loss.weights has {len(spec.weights)} numbers, but the network has {n_exits} exits")


def class_weights(spec: JointLossSpec | OfaLossSpec, labels_N: "Tensor", n_classes: int) -> "Tensor | None":
    """Return w_C = max(C) / C[y] (thesis eq. 4.3) where a loss asks for it, else None; 1 for an empty class."""
    import torch

    if not (isinstance(spec, JointLossSpec) and spec.balanced):
        return None
    count_C = torch.bincount(labels_N, minlength=n_classes).float()
    return torch.where(count_C > 0, count_C.max() / count_C.clamp(min=1), 1.0)


def cross_entropy(
    logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", class_weights_C: "Tensor | None" = None
) -> "Tensor":
    """Mean cross-entropy (nats) of each exit over a batch, shape (E,); weighed by class where weights are given."""
    import torch
    from torch.nn import functional

    return torch.stack([functional.cross_entropy(logits_BC, labels_B, class_weights_C) for logits_BC in logits_EBC])


def distillation(logits_EBC: "Sequence[Tensor]", teacher_BC: "Tensor", spec: OfaLossSpec) -> "Tensor":
    """T^2 KL(teacher || exit) in nats of each exit, by the reduction of the specification; shape (E,)."""
    from torch.nn import functional

    log_teacher_BC = functional.log_softmax(teacher_BC / spec.temperature, dim=1)
    per_exit = [
        functional.kl_div(
            functional.log_softmax(logits_BC / spec.temperature, dim=1),
            log_teacher_BC,
            reduction="batchmean",
            log_target=True,
        )
        for logits_BC in logits_EBC
    ]
    scale = spec.temperature**2 / (teacher_BC.shape[1] if spec.reduction == "mean" else 1)
    return scale * _stacked(per_exit, teacher_BC)


def _stacked(per_exit: "list[Tensor]", like: "Tensor") -> "Tensor":
    import torch

    return torch.stack(per_exit) if per_exit else like.new_zeros(0)  # a network of one exit has nobody to teach
