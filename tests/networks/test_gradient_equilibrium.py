import pytest
import torch
from torch import Tensor, nn

from overthink.networks.gradient_equilibrium import scaled_gradient
from overthink.networks.multi_exit import ExitHead, PlainNetwork, State


class TwoScales(nn.Module):
    """Mixes a finer and a coarser map, each of one pixel, so that both carry gradient on."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def forward(self, state: State) -> State:
        finer, coarser = state if len(state) == 2 else (state[0], state[0])
        return self.number * finer + coarser, finer * coarser


class Pixel(nn.Module):
    def forward(self, state: State) -> Tensor:
        return state[-1].flatten(1)


def network(n_exits: int) -> PlainNetwork:
    torch.manual_seed(0)
    return PlainNetwork([TwoScales(i + 2) for i in range(n_exits)], [ExitHead(Pixel(), 1, 2) for _ in range(n_exits)])


def test_by_hand() -> None:
    given = torch.tensor([1.0, 2.0], requires_grad=True)
    scaled = scaled_gradient(given, 0.25)
    assert torch.equal(scaled, given)
    (scaled * torch.tensor([4.0, 8.0])).sum().backward()
    assert given.grad is not None
    assert given.grad.tolist() == [1.0, 2.0]


def test_outputs_keep_their_bits() -> None:
    images = torch.rand(3, 1, 1, 1)
    plain, balanced = network(4)(images), network(4)(images, equilibrium=True)
    assert all(torch.equal(one, other) for one, other in zip(plain, balanced, strict=True))


def gradients(n_exits: int, balance: bool) -> tuple[Tensor, ...]:
    """Gradient at the image, for the summed logits of each exit alone."""
    image, found = torch.full((1, 1, 1, 1), 0.7, requires_grad=True), []
    for number in range(n_exits):
        logits = network(n_exits)(image, equilibrium=balance)[number].sum()
        found.append(torch.autograd.grad(logits, image)[0])
    return tuple(found)


class OneScale(nn.Module):
    def forward(self, state: State) -> State:
        return (state[0] ** 2 + state[0],)


def test_with_one_scale_every_exit_counts_one_share_at_the_image() -> None:
    """1 / (E - i + 1) times the product of (E - j) / (E - j + 1) over j < i is 1 / E, for every exit i."""
    image = torch.full((1, 1, 1, 1), 0.3, requires_grad=True)
    torch.manual_seed(0)
    built = PlainNetwork([OneScale() for _ in range(5)], [ExitHead(Pixel(), 1, 2) for _ in range(5)])
    for number in range(5):
        plain, balanced = (
            torch.autograd.grad(built(image, equilibrium=balance)[number].sum(), image)[0] for balance in (False, True)
        )
        torch.testing.assert_close(balanced, plain / 5)


def test_with_two_scales_against_a_chain_rule_written_out() -> None:
    """The finer scale carries its gradient on unscaled; only the coarsest, which exits read, is balanced."""
    n_exits = 3
    built = network(n_exits)
    slopes = [float(head.classify.weight.detach().sum()) for head in built.exits if isinstance(head, ExitHead)]
    for number, balanced in enumerate(gradients(n_exits, balance=True), start=1):
        finer = coarser = 0.7
        d_finer = d_coarser = 1.0
        for i in range(1, number + 1):
            up = i + 1
            finer, coarser, d_finer, d_coarser = (
                up * finer + coarser,
                finer * coarser,
                up * d_finer + d_coarser,
                d_finer * coarser + finer * d_coarser,
            )
            left = n_exits - i
            d_coarser *= 1 / (left + 1) if i == number else left / (left + 1)
        assert float(balanced) == pytest.approx(slopes[number - 1] * d_coarser, rel=1e-5)
