"""A check for losses of one's own, for their tests: `check_loss(MySpec(kind="mine"))`."""

import torch

from overthink.plugins.modules import own_definition
from overthink.testing.holding import check
from overthink.training.losses import AbstractLossSpec

SAMPLES, CLASSES, EPOCHS = 6, 4, 3


def check_loss(spec: AbstractLossSpec, n_exits: int = 3) -> None:
    """Check that a loss fits everything that training does with one.

    A specification survives being stored. The loss of each exit is a finite number, the same for the same batch and
    not below 0, and the gradient of their sum reaches the logits of every exit that weighs anything. What it is in an
    epoch depends on the epoch alone.

    Args:
        spec: The specification.
        n_exits: E, the number of exits.

    Raises:
        AssertionError: The first thing that is not as it should be, in one sentence.
        ValueError: The loss does not fit a network of that many exits.
    """
    with own_definition():
        again = type(spec).model_validate_json(spec.model_dump_json())
    check(again == spec, "the specification changes when it is written as JSON and read again")
    for epoch in range(EPOCHS):
        costs = [(exit + 1) / n_exits for exit in range(n_exits)]
        now = spec.at(epoch, EPOCHS, lambda costs=costs: costs)  # type: ignore[misc]
        check(now == again.at(epoch, EPOCHS, lambda costs=costs: costs), f"epoch {epoch}: it depends on more")  # type: ignore[misc]
        _check_once(now, n_exits)


def _check_once(spec: AbstractLossSpec, n_exits: int) -> None:
    spec.check(n_exits)
    random = torch.Generator().manual_seed(0)
    labels_B = torch.arange(SAMPLES) % CLASSES
    logits = [torch.randn(SAMPLES, CLASSES, generator=random).requires_grad_() for _ in range(n_exits)]
    teacher_BC = torch.randn(SAMPLES, CLASSES, generator=random) if spec.needs_teacher else None
    loss = spec.build(n_exits, torch.device("cpu"), spec.class_weights(labels_B, CLASSES))
    one_E, two_E = (loss(logits, labels_B, teacher_BC) for _ in range(2))
    check(tuple(one_E.shape) == (n_exits,), f"it returns shape {tuple(one_E.shape)}, not a number for each exit")
    check(bool(one_E.isfinite().all()) and bool((one_E >= 0).all()), f"losses of {one_E.tolist()}")
    check(torch.equal(one_E, two_E), "other losses for the same batch")
    one_E.sum().backward()
    for number, (value, logits_BC) in enumerate(zip(one_E.tolist(), logits, strict=True), 1):
        reached = logits_BC.grad is not None and bool(logits_BC.grad.any())
        check(reached or value == 0, f"exit {number}: no gradient reaches its logits")
