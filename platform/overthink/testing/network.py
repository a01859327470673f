"""A check for networks of one's own, for their tests: `check_network(MySpec(kind="mine"))`."""

from typing import cast

import torch
from torch import Tensor

from overthink.networks.cost import mul_adds, parameter_counts
from overthink.networks.multi_exit import Carry, MultiExitNetwork
from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.networks.size_limit import limited_size
from overthink.plugins.modules import own_definition
from overthink.testing.holding import check

TOLERANCE = 1e-4
"""Of logits that are computed in another way."""


def check_network(
    spec: AbstractNetworkSpec, input_shape: tuple[int, int, int] = (3, 32, 32), n_classes: int = 10
) -> None:
    """Check that a network fits everything that the platform does with one.

    A specification survives being stored. The same generator gives the same weights, another one others, and the
    global generator is left alone. There are `blocks` logits (B, C), equal for equal images, and those of an image do
    not depend on the others of its batch. Every layer has a rule for its cost, which grows from exit to exit. `step`
    equals `forward`, where there is one, for some of the samples, too. The gradient of all exits reaches every weight.

    Args:
        spec: The specification; of `kind: torch`, `exits` and `source` may be left out.
        input_shape: (K, H, W) of images that the network takes.
        n_classes: Number of classes.

    Raises:
        AssertionError: The first thing that is not as it should be, in one sentence.
        ValueError: The network cannot be built.
    """
    with own_definition():
        spec = spec.resolved(input_shape, n_classes)
        spec.check(input_shape, n_classes)
        again = type(spec).model_validate_json(spec.model_dump_json())
        check(again == spec, "the specification changes when it is written as JSON and read again")
        _check_determinism(spec, input_shape, n_classes)
        network = _built(spec, input_shape, n_classes)
    images_BKHW = torch.randn(4, *input_shape, generator=torch.Generator().manual_seed(1))
    _check_logits(network, spec, images_BKHW, n_classes)
    _check_costs(network, input_shape)
    _check_steps(network, images_BKHW)
    _check_gradients(network, images_BKHW)


def _check_determinism(spec: AbstractNetworkSpec, input_shape: tuple[int, int, int], n_classes: int) -> None:
    before = torch.random.get_rng_state()
    one, two, other = (_built(spec, input_shape, n_classes, seed).state_dict() for seed in (0, 0, 1))
    check(torch.equal(before, torch.random.get_rng_state()), "building it changes torch's global generator")
    differing = [name for name in one if not torch.equal(one[name], two[name])]
    check(not differing, f"the same generator gives other weights: {', '.join(differing[:3])}")
    check(any(not torch.equal(one[name], other[name]) for name in one), "its weights do not follow from the generator")


def _check_logits(network: MultiExitNetwork, spec: AbstractNetworkSpec, images_BKHW: Tensor, n_classes: int) -> None:
    with torch.no_grad():
        logits, repeated, last_BC = network(images_BKHW), network(images_BKHW), network.last_logits(images_BKHW)
        alone = network(images_BKHW[1:2])
    check(len(logits) == spec.blocks == network.n_exits, f"{spec.blocks} exits, but {len(logits)} logits")
    for number, logits_BC in enumerate(logits, 1):
        shape = tuple(logits_BC.shape)
        check(shape == (len(images_BKHW), n_classes), f"exit {number}: logits of shape {shape}")
        check(bool(logits_BC.isfinite().all()), f"exit {number}: logits that are not finite")
        check(torch.equal(logits_BC, repeated[number - 1]), f"exit {number}: other logits for the same images")
        check(_near(logits_BC[1:2], alone[number - 1]), f"exit {number}: logits depend on other images of the batch")
    check(_near(logits[-1], last_BC), "last_logits differs from the last of forward")


def _check_costs(network: MultiExitNetwork, input_shape: tuple[int, int, int]) -> None:
    try:
        cost_E = mul_adds(network, input_shape)
    except (TypeError, ValueError) as error:
        raise AssertionError(str(error)) from None
    check(all(a < b for a, b in zip((0, *cost_E), cost_E, strict=False)), f"MUL-ADDs do not grow: {list(cost_E)}")
    counts, weights = parameter_counts(network), sum(weight.numel() for weight in network.parameters())
    check(counts[-1] == weights, f"its exits have {counts[-1]} weights in all, and the network has {weights}")


def _check_steps(network: MultiExitNetwork, images_BKHW: Tensor) -> None:
    if not network.has_step:
        return
    kept = torch.tensor([0, 2])
    with torch.no_grad():
        whole, carry, of_kept = network(images_BKHW), Carry((images_BKHW,)), Carry((images_BKHW[kept],))
        for number in range(1, network.n_exits + 1):
            logits_BC, carry = network.step(number, carry)
            some_MC, of_kept = network.step(number, of_kept)
            check(_near(logits_BC, whole[number - 1]), f"exit {number}: step differs from forward")
            check(_near(some_MC, whole[number - 1][kept]), f"exit {number}: step of some images differs")


def _check_gradients(network: MultiExitNetwork, images_BKHW: Tensor) -> None:
    logits = network.train()(images_BKHW)
    cast(Tensor, sum(logits_BC.square().sum() for logits_BC in logits)).backward()
    unreached = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
    check(not unreached, f"no gradient reaches {', '.join(unreached[:3])}")


def _built(
    spec: AbstractNetworkSpec, input_shape: tuple[int, int, int], n_classes: int, seed: int = 0
) -> MultiExitNetwork:
    with limited_size():
        return spec.build(input_shape, n_classes, torch.Generator().manual_seed(seed)).eval()


def _near(one: Tensor, other: Tensor) -> bool:
    return bool(torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE))
