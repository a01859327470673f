"""Losses over all exits. A loss returns one number per exit, already weighted; training minimises their sum.

torch is imported where it is used, so that definitions load without it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field, model_validator

from overthink.plugins.kinds import Kinds
from overthink.spec import Spec

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Loss(Protocol):
    """A loss that training calls for each batch."""

    def __call__(
        self, logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", teacher_BC: "Tensor | None" = None
    ) -> "Tensor":
        """Return the loss of each exit, (E,), from logits of exits 1..E and, where `needs_teacher`, of the teacher."""


class AbstractLossSpec(Spec, ABC):
    """Specification of a loss; a subclass also has `kind`."""

    if TYPE_CHECKING:

        @property
        def kind(self) -> str:
            """The loss's name in a definition."""

    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = None
    """gamma, one per exit; 1 for every exit where left out, as in the thesis."""

    @model_validator(mode="after")
    def _some_weight(self) -> "AbstractLossSpec":
        if self.weights is not None and not sum(self.weights) > 0:
            raise ValueError(f"weights: at least one exit needs a weight above 0, got {list(self.weights)}")
        return self

    def check(self, n_exits: int) -> None:
        """Raise ValueError where the loss does not fit a network with that many exits."""
        if self.weights is not None and len(self.weights) != n_exits:
            raise ValueError(f"loss.weights has {len(self.weights)} numbers, but the network has {n_exits} exits")

    @property
    def needs_teacher(self) -> bool:
        """Whether the loss takes logits of a teacher: the network as it was at the end of the previous phase."""
        return False

    def class_weights(self, labels_N: "Tensor", n_classes: int) -> "Tensor | None":
        """Return the weight of each class (C,) for training labels, or None where all weigh the same."""
        return None

    def at(self, epoch: int, epochs: int, costs: Callable[[], Sequence[float]]) -> "AbstractLossSpec":
        """Return the loss in an epoch, counted from 0, of a phase of so many epochs: itself, where it never changes.

        `costs` gives the MUL-ADDs of each exit relative to the last one's, (E,). A loss depends on nothing else, so
        that a resumed run has the same one.
        """
        return self

    @abstractmethod
    def build(self, n_exits: int, device: "torch.device", class_weights_C: "Tensor | None" = None) -> Loss:
        """Return the loss; raises ValueError as `check` does."""

    def _weights_E(self, n_exits: int, device: "torch.device") -> "Tensor":  # noqa: N802 - named like an array
        import torch

        self.check(n_exits)
        return (torch.ones(n_exits) if self.weights is None else torch.tensor(self.weights)).to(device)


class JointLossSpec(AbstractLossSpec):
    """Joint cross-entropy (thesis eq. 3.6): every exit learns the label, exit i with weight gamma_i."""

    kind: Literal["joint"]
    balanced: bool = False
    """Whether samples of rare classes count more: w_y = max(C) / C[y], C the training samples of each class (thesis
    eq. 4.3). A batch's loss is the weighted mean.
    """

    def class_weights(self, labels_N: "Tensor", n_classes: int) -> "Tensor | None":
        """Return w_C = max(C) / C[y] (thesis eq. 4.3) where `balanced`, else None; 1 for a class without samples."""
        import torch

        if not self.balanced:
            return None
        count_C = torch.bincount(labels_N, minlength=n_classes).float()
        return torch.where(count_C > 0, count_C.max() / count_C.clamp(min=1), 1.0)

    def build(self, n_exits: int, device: "torch.device", class_weights_C: "Tensor | None" = None) -> Loss:
        """Return the loss gamma_i CE(y, p_i); raises ValueError as `check` does."""
        weights_E = self._weights_E(n_exits, device)

        def joint(logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", teacher_BC: "Tensor | None" = None) -> "Tensor":
            return weights_E * cross_entropy(logits_EBC, labels_B, class_weights_C)

        return joint


class RisingLossSpec(AbstractLossSpec):
    """Joint cross-entropy in which the exits before the last count more and more (Kaya et al. 2019).

    Exit i < E weighs tau_i(e) = min(C_i, start + e C_i / N) in epoch e = 1..N of its phase; the last exit always 1.
    """

    kind: Literal["rising"]
    until: tuple[Annotated[float, Field(gt=0, le=1)], ...] | None = None
    """C_i of the exits before the last; left out, each exit's MUL-ADDs relative to the last one's."""
    start: Annotated[float, Field(ge=0, le=1)] = 0.01

    def check(self, n_exits: int) -> None:
        """Raise ValueError where the loss does not fit a network with that many exits."""
        super().check(n_exits)
        if n_exits < 2:
            raise ValueError("loss.kind: rising weighs the exits before the last, but the network has only one exit")
        if self.until is not None and len(self.until) != n_exits - 1:
            raise ValueError(
                f"loss.until has {len(self.until)} numbers, but the network has {n_exits - 1} exits before its last"
            )

    def at(self, epoch: int, epochs: int, costs: Callable[[], Sequence[float]]) -> JointLossSpec:
        """Return the joint loss of an epoch.

        >>> weights = RisingLossSpec(kind="rising", until=(0.15, 0.9)).at(1, 4, tuple).weights
        >>> [round(weight, 3) for weight in weights]
        [0.085, 0.46, 1.0]
        """
        until = costs()[:-1] if self.until is None else self.until
        tau_E = (*(min(limit, self.start + (epoch + 1) * limit / epochs) for limit in until), 1.0)
        gamma_E = (1.0,) * len(tau_E) if self.weights is None else self.weights
        weights = tuple(gamma * tau for gamma, tau in zip(gamma_E, tau_E, strict=True))
        return JointLossSpec(kind="joint", weights=weights)

    def build(self, n_exits: int, device: "torch.device", class_weights_C: "Tensor | None" = None) -> Loss:
        """Raise ValueError: the loss is that of an epoch, which `at` returns."""
        raise ValueError("a rising loss depends on the epoch; build what `at` returns")


class OfaLossSpec(AbstractLossSpec):
    """One-for-all knowledge distillation (Li et al. 2019; thesis eqs. 3.12 and 3.13): exits learn from the last exit.

    L_i = alpha CE(y, p_i) + (1 - alpha) T^2 KL(p_teacher || p_i) for i < E, both softmaxes in KL at temperature T; the
    last exit learns the label alone. The thesis has T = 1 and does not write the factor T^2, which is then 1.
    """

    kind: Literal["ofa"]
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Share of the cross-entropy. (The thesis calls it OFA's share; by its formula it is the opposite.)"""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    teacher: Literal["previous", "own"] = "previous"
    """The last exit as it was at the end of the previous phase, frozen, as in the original; or the network's own last
    exit, detached.
    """
    reduction: Literal["batchmean", "mean"] = "batchmean"
    """KL summed over classes and averaged over the batch, as in the formula; or averaged over the classes, too, as in
    the original authors' code: weaker by a factor of the number of classes.
    """

    @property
    def needs_teacher(self) -> bool:
        """Whether the teacher is the network as it was at the end of the previous phase."""
        return self.teacher == "previous"

    def build(self, n_exits: int, device: "torch.device", class_weights_C: "Tensor | None" = None) -> Loss:
        """Return the loss gamma_i L_i; raises ValueError as `check` does. It has no class weights."""
        import torch

        weights_E = self._weights_E(n_exits, device)

        def ofa(logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", teacher_BC: "Tensor | None" = None) -> "Tensor":
            assert (teacher_BC is not None) == self.needs_teacher
            learned_from_BC = logits_EBC[-1].detach() if teacher_BC is None else teacher_BC
            divergence_E = distillation(logits_EBC[:-1], learned_from_BC, self)
            entropy_E = cross_entropy(logits_EBC, labels_B)
            mixed_E = self.alpha * entropy_E[:-1] + (1 - self.alpha) * divergence_E
            return weights_E * torch.cat([mixed_E, entropy_E[-1:]])

        return ofa


BUILT_IN = (JointLossSpec, RisingLossSpec, OfaLossSpec)
LOSSES: Kinds[AbstractLossSpec] = Kinds("losses", AbstractLossSpec, BUILT_IN)  # type: ignore[type-abstract]

if TYPE_CHECKING:
    LossSpec = AbstractLossSpec
else:
    LossSpec = LOSSES.annotation


def cross_entropy(
    logits_EBC: "Sequence[Tensor]", labels_B: "Tensor", class_weights_C: "Tensor | None" = None
) -> "Tensor":
    """Return the mean cross-entropy (nats) of each exit over a batch, (E,); weighted by class where weights are given.

    >>> import torch
    >>> cross_entropy([torch.zeros(1, 2), torch.tensor([[3.0, 0.0]]).log_softmax(1)], torch.tensor([0]))
    tensor([0.6931, 0.0486])
    """
    import torch
    from torch.nn import functional

    return torch.stack([functional.cross_entropy(logits_BC, labels_B, class_weights_C) for logits_BC in logits_EBC])


def distillation(logits_EBC: "Sequence[Tensor]", teacher_BC: "Tensor", spec: OfaLossSpec) -> "Tensor":
    """Return T^2 KL(teacher || exit) (nats) of each exit over a batch, (E,), by the reduction of the specification."""
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

    return torch.stack(per_exit) if per_exit else like.new_zeros(0)  # a network of one exit distils nothing
