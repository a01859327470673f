"""Gradient equilibrium (Li et al. 2019, section 3.1): rescales the gradients of exits in shared layers.

Without it, the gradient in a shared layer is the sum over all later exits; its variance grows with their number.
"""

from typing import Any, cast

import torch
from torch import Tensor


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.factor * gradients[0], None


def scaled_gradient(features: Tensor, factor: float) -> Tensor:
    """Return the features unchanged; in the backward pass the gradient is multiplied by the factor."""
    return cast(Tensor, _ScaledGradient.apply(features, factor))


def balanced(state: tuple[Tensor, ...], number: int, n_exits: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return what exit `number` (from 1) of E reads, and what the next block reads.

    On the coarsest scale, which exits read, the gradient of exit i is multiplied by 1 / (E - i + 1) and that of later
    blocks by (E - i) / (E - i + 1).
    """
    *finer, coarsest = state
    left = n_exits - number
    return (
        (*finer, scaled_gradient(coarsest, 1 / (left + 1))),
        (*finer, scaled_gradient(coarsest, left / (left + 1))),
    )
