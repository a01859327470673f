import torch

from overthink.networks.kernels import Descent
from overthink.training.adam import adam


def test_steps_are_those_of_torch() -> None:
    chance = torch.Generator().manual_seed(0)
    ours = [torch.randn(3, 4, generator=chance, dtype=torch.float64), torch.randn(1, generator=chance).double()]
    theirs = [torch.nn.Parameter(weight.clone()) for weight in ours]
    reference = torch.optim.Adam(theirs, lr=0.01, betas=(0.8, 0.999), weight_decay=0.1)
    means: list[torch.Tensor | None] = [None, None]
    squares: list[torch.Tensor | None] = [None, None]
    for number in range(1, 6):
        gradients = [torch.randn(weight.shape, generator=chance, dtype=torch.float64) for weight in ours]
        adam(ours, gradients, means, squares, number, Descent(0.01, 0.8, 0.1))
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, [weight.detach() for weight in theirs], rtol=1e-12, atol=1e-12)
