from math import sqrt
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from support.msdnet_arithmetic import Bare, specs

SMALL: dict[str, Any] = {"kind": "msdnet", "channels": 4, "growth": 2, "head_channels": 8}


def built(spec: MSDNetSpec, shape: tuple[int, int, int] = (3, 32, 32), seed: int = 0) -> MultiExitNetwork:
    return spec.build(shape, 10, torch.Generator().manual_seed(seed))


def stirred(network: MultiExitNetwork) -> MultiExitNetwork:
    """Give every BatchNorm statistics of its own, as training would."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                assert values is not None
                values.uniform_(0.5, 1.5, generator=generator)
    return network.eval()


@settings(max_examples=40, deadline=None)
@given(specs(), st.integers(1, 4))
def test_against_bare_functions(spec: MSDNetSpec, n_image_channels: int) -> None:
    network = stirred(built(spec, (n_image_channels, 33, 36)))
    images_BKHW = torch.rand(2, n_image_channels, 33, 36, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found = network(images_BKHW)
        expected = list(Bare(spec, network.state_dict()).logits(images_BKHW))
    torch.testing.assert_close(found, tuple(expected), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 64, 64), (4, 16, 16), (3, 28, 28), (3, 33, 33), (3, 32, 20), (1, 3, 3)])
def test_any_image_size(shape: tuple[int, int, int]) -> None:
    network = built(MSDNetSpec(**SMALL), shape).eval()
    logits = network(torch.zeros(2, *shape))
    assert [tuple(logits_BC.shape) for logits_BC in logits] == [(2, 10)] * 5


def test_scales_halve_and_finer_ones_are_dropped() -> None:
    states = built(MSDNetSpec(kind="msdnet")).eval().states(torch.zeros(1, 3, 32, 32))
    assert [[tuple(features.shape[1:]) for features in state] for state in states] == [
        [(22, 32, 32), (44, 16, 16), (88, 8, 8)],
        [(34, 32, 32), (68, 16, 16), (136, 8, 8)],
        [(52, 16, 16), (104, 8, 8)],
        [(100, 16, 16), (200, 8, 8)],
        [(4 * (28 + 4 * 6), 8, 8)],
    ]


def test_at_32_pixels_an_exit_averages_2x2() -> None:
    network = stirred(built(MSDNetSpec(**SMALL)))
    features: Any = network.exits[0].features
    state = next(network.states(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))))
    pooled_BF = functional.avg_pool2d(features.convolutions(state[-1]), 2).flatten(1)
    assert torch.equal(features(state), pooled_BF)


@pytest.mark.parametrize(
    "changes", [{}, {"prune": "min"}, {"bottleneck": False}, {"scales": 1}, {"blocks": 3, "step_mode": "even"}]
)
def test_the_loss_reaches_every_parameter(changes: dict[str, Any]) -> None:
    network = built(MSDNetSpec(**SMALL | changes), (3, 16, 16))
    images_BKHW = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.stack(
        [functional.cross_entropy(logits_BC, torch.arange(4)) for logits_BC in network(images_BKHW)]
    ).sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_only_finer_scales_of_the_last_layer_may_be_idle() -> None:
    # Four layers, three scales: pruning in intervals of two leaves two scales at the end, as in the reference.
    network = built(MSDNetSpec(**SMALL, blocks=2, step_mode="even", step=3), (3, 16, 16))
    torch.stack(network(torch.rand(4, 3, 16, 16))).sum().backward()
    idle = {name.rsplit(".", 3)[0] for name, p in network.named_parameters() if p.grad is None}
    assert idle == {"blocks.1.3.normal.0"}


@pytest.mark.parametrize("init", ["torch", "he"])
def test_a_seed_gives_the_same_bits_and_global_randomness_is_left_alone(init: str) -> None:
    spec = MSDNetSpec.model_validate(SMALL | {"init": init})
    before = torch.get_rng_state()
    one, same, other = (built(spec, seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    drawn = {name for name in one if not torch.equal(one[name], other[name])}
    assert drawn == {
        name for name in one if one[name].dim() > 1 or (name.endswith("classify.bias") and init == "torch")
    }


def weights_of(network: nn.Module, kind: type[nn.Conv2d] | type[nn.Linear]) -> list[torch.Tensor]:
    return [module.weight.detach() for module in network.modules() if isinstance(module, kind)]


def test_default_weights_are_uniform_as_in_torch() -> None:
    network = built(MSDNetSpec(kind="msdnet"))
    for weight in weights_of(network, nn.Conv2d) + weights_of(network, nn.Linear):
        bound = 1 / sqrt(weight[0].numel())
        assert weight.abs().max() <= bound
        assert weight.var() == pytest.approx(bound**2 / 3, rel=6 / sqrt(weight.numel()))
    like_torch = nn.Conv2d(88, 128, 3, bias=False).weight.detach()
    ours = max(weights_of(network, nn.Conv2d), key=lambda weight: weight.shape == like_torch.shape)
    assert ours.shape == like_torch.shape
    assert ours.std() == pytest.approx(like_torch.std().item(), rel=0.02)


def test_he_weights_are_normal_by_fan_out() -> None:
    network = built(MSDNetSpec(kind="msdnet", init="he"))
    for weight in weights_of(network, nn.Conv2d):
        fan_out = weight.shape[0] * weight[0, 0].numel()
        assert weight.var() == pytest.approx(2 / fan_out, rel=6 * sqrt(2 / weight.numel()))
    assert all(not head.classify.bias.any() for head in network.exits)  # type: ignore[union-attr, operator]


def test_batch_norms_start_neutral() -> None:
    state = built(MSDNetSpec(**SMALL)).state_dict()
    assert all((state[name] == 1).all() for name in state if name.endswith("running_var"))
    assert all((state[name] == 0).all() for name in state if name.endswith(("running_mean", "num_batches_tracked")))


def test_too_many_scales_for_the_image() -> None:
    with pytest.raises(ValueError, match="3 scales are too many for images of 2x2 pixels"):
        built(MSDNetSpec(**SMALL), (3, 2, 2))
