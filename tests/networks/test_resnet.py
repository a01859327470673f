"""Residual networks: torchvision's, but for the stem."""

import pytest
import torch

from overthink.networks.cost import mul_adds, parameter_counts
from overthink.networks.resnet_spec import ResNetSpec


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_resnet_34_is_torchvisions() -> None:
    from torchvision.models import resnet34

    ours = ResNetSpec(kind="resnet", stem="imagenet").build((3, 64, 64), 5, generator()).eval()
    theirs = resnet34(num_classes=5).eval()
    assert parameter_counts(ours) == (sum(p.numel() for p in theirs.parameters()),)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images_BKHW = torch.randn(2, 3, 64, 64, generator=generator())
    with torch.inference_mode():
        torch.testing.assert_close(ours(images_BKHW)[0], theirs(images_BKHW))


def test_a_small_one_counted_by_hand() -> None:
    """One block of 2 channels on 4x4 images of one channel, three classes."""
    network = ResNetSpec(kind="resnet", layers=(1,), width=2).build((1, 4, 4), 3, generator())
    stem = 16 * 2 * 9 + 32  # convolution, ReLU
    block = 2 * (16 * 2 * 18) + 2 * 32  # two convolutions, the ReLU twice
    assert mul_adds(network, (1, 4, 4)) == (stem + block + 32 + 3 * 2 + 3,)


def test_weights_come_from_the_generator_alone() -> None:
    spec = ResNetSpec(kind="resnet", layers=(1, 1), width=4)
    torch.manual_seed(1)
    one = spec.build((1, 8, 8), 2, generator())
    torch.manual_seed(2)
    state = torch.get_rng_state()
    two = spec.build((1, 8, 8), 2, generator())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


def test_too_small_an_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"network\.layers: 4 stages after the imagenet stem"):
        ResNetSpec(kind="resnet", stem="imagenet").check((3, 16, 16), 10)
    assert ResNetSpec(kind="resnet").label == "resnet-34"
    assert ResNetSpec(kind="resnet", layers=(1, 1), width=8).label == "resnet-6 w8"
