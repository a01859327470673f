"""A step of training: forward pass, loss, backward pass, SGD or Adam. It never waits for the device."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from overthink.networks.kernels import Descent, Kernels, Logits
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.training.adam import adam
from overthink.training.losses import Loss


@dataclass
class Sums:
    """What an epoch adds up, on the device."""

    loss: Tensor
    """Of the batches' losses, float64 scalar."""
    right_E: Tensor
    """Samples that each exit is right on, float64."""

    @classmethod
    def zero(cls, n_exits: int, device: torch.device) -> "Sums":
        """Return sums of nothing."""
        loss, right_E = (torch.zeros(shape, device=device, dtype=torch.float64) for shape in ((), (n_exits,)))
        return cls(loss, right_E)


@dataclass
class TrainingStep:
    """Takes a step with each batch that it is called with; shapes alone decide what it executes."""

    network: MultiExitNetwork
    logits_of: Logits
    """With gradients, of `network`."""
    loss_of: Loss
    teacher: Callable[[Tensor], Tensor] | None
    """images_BKHW -> logits_BC that exits learn from, in phases that have a teacher."""
    kernels: Kernels
    momenta: dict[str, Tensor]
    """Of each parameter by name; filled in by the first step, then changed in place."""
    descent: Descent
    squares: dict[str, Tensor] | None = None
    """Adam's second moments of each parameter by name, which are kept like momenta; None: the step is one of SGD."""
    taken: int = 0
    """Steps before, in this phase; Adam's correction depends on it."""
    learning: slice = field(default_factory=lambda: slice(None))
    """Which of exits 1..E learn."""
    sums: Sums = field(init=False)
    parameters: dict[str, nn.Parameter] = field(init=False)
    """By name, in their order; walking through all modules at each step takes a tenth of a small network's training."""

    def __post_init__(self) -> None:
        self.parameters = dict(self.network.named_parameters())
        self.sums = Sums.zero(self.network.n_exits, next(self.network.parameters()).device)

    def __call__(self, images_BKHW: Tensor, labels_B: Tensor) -> None:
        """Take the step, and add the batch's loss and right answers to the sums."""
        logits_EBC = self.logits_of(images_BKHW)
        learning = set(range(len(logits_EBC))[self.learning])
        logits_EBC = tuple(one if i in learning else one.detach() for i, one in enumerate(logits_EBC))
        teacher_BC = None if self.teacher is None else self.teacher(images_BKHW)
        loss = self.loss_of(logits_EBC, labels_B, teacher_BC)[self.learning].sum()
        for parameter in self.parameters.values():
            parameter.grad = None
        loss.backward()
        self._descend()
        self.sums.loss += loss.detach()
        self.sums.right_E += torch.stack([(logits.detach().argmax(1) == labels_B).sum() for logits in logits_EBC])

    @torch.no_grad()
    def _descend(self) -> None:
        """Change the parameters that have gradients; others stay as they are."""
        moving = {name: p for name, p in self.parameters.items() if p.grad is not None}
        momenta = [self.momenta.get(name) for name in moving]
        gradients = [p.grad for p in moving.values() if p.grad is not None]
        self.taken += 1
        if self.squares is None:
            self.kernels.sgd(list(moving.values()), gradients, momenta, self.descent)
        else:
            squares = [self.squares.get(name) for name in moving]
            adam(list(moving.values()), gradients, momenta, squares, self.taken, self.descent)
            self.squares.update((name, one) for name, one in zip(moving, squares, strict=True) if one is not None)
        self.momenta.update((name, buffer) for name, buffer in zip(moving, momenta, strict=True) if buffer is not None)
