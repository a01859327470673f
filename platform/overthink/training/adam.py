"""A step of Adam (Kingma and Ba 2015): a torch.optim.Adam object would import a compiler, seconds per worker."""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from overthink.networks.kernels import Descent

BETA_2, EPSILON = 0.999, 1e-8


@torch.no_grad()
def adam(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: list[Tensor | None],
    squares: list[Tensor | None],
    number: int,
    by: Descent,
) -> None:
    """Take step `number` (from 1), by the formula of torch.optim.Adam; moments that are None are filled in.

    g = gradient + weight_decay w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    w = w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + 1e-8), with b1 = momentum and b2 = 0.999.
    """
    means[:] = [torch.zeros_like(w) if one is None else one for w, one in zip(weights, means, strict=True)]
    squares[:] = [torch.zeros_like(w) if one is None else one for w, one in zip(weights, squares, strict=True)]
    size = by.lr / (1 - by.momentum**number)
    spread = sqrt(1 - BETA_2**number)
    for weight, gradient, mean, square in zip(weights, gradients, means, squares, strict=True):
        assert mean is not None
        assert square is not None
        towards = gradient.add(weight, alpha=by.weight_decay)
        mean.lerp_(towards, 1 - by.momentum)
        square.mul_(BETA_2).addcmul_(towards, towards, value=1 - BETA_2)
        weight.addcdiv_(mean, square.sqrt().div_(spread).add_(EPSILON), value=-size)
