"""Specifications of Shallow-Deep Networks: defaults, labels, and what is refused."""

from typing import Any

import pytest

from overthink.networks.sdn.spec import SdnSpec


def spec(backbone: str, **how: Any) -> SdnSpec:
    return SdnSpec.model_validate({"kind": "sdn", "backbone": backbone, **how})


@pytest.mark.parametrize(
    "backbone, label, blocks", [("vgg", "vgg-16", 7), ("resnet", "resnet-56", 7), ("wrn", "wrn-32-4", 7)]
)
def test_what_is_left_out_is_the_papers(backbone: str, label: str, blocks: int) -> None:
    assert (spec(backbone).label, spec(backbone).blocks) == (f"sdn {label}", blocks)
    assert spec("mobilenet").blocks == 6


def test_smaller_networks_in_words() -> None:
    small = spec("resnet", layers=(3, 3, 3), width=8)
    assert (small.label, small.layout.after) == ("sdn resnet-20 w8", (1, 3, 4, 5, 7, 8))
    assert spec("resnet", layers=(3, 3, 3), exits_after=(2, 5)).label == "sdn resnet-20 x3"
    assert spec("wrn", layers=(2, 2, 2), width=32).label == "sdn wrn-14-2"
    assert spec("mobilenet", layers=(1, 2), width=16).label == "sdn mobilenet-3 w16"
    assert spec("vgg", exits_after=()).blocks == 1


@pytest.mark.parametrize(
    "how, said",
    [
        ({"backbone": "alexnet"}, "Input should be 'vgg', 'resnet', 'wrn' or 'mobilenet'"),
        ({"backbone": "resnet", "exits_after": (4, 27)}, "exits_after: 27, but the backbone has 27 units .* 1 to 26"),
        ({"backbone": "vgg", "exits_after": (4, 2)}, r"exits_after must ascend, got \[4, 2\]"),
        ({"backbone": "vgg", "exits_after": (0,)}, "greater than or equal to 1"),
        ({"backbone": "resnet", "dropout": 0.1}, "dropout: resnet has none"),
        ({"backbone": "vgg", "stem_stride": 2}, "stem_stride: that of vgg is 1"),
        ({"backbone": "vgg", "layers": (999, 2)}, "layers: 1001 in all, more than 1000"),
    ],
)
def test_what_does_not_fit_is_a_sentence(how: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SdnSpec.model_validate({"kind": "sdn", **how})


def test_images_that_are_too_small_are_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"^network\.layers: 5 stages with a pooling in each are too many for images of 16x16 pixels$",
    ):
        spec("vgg").check((4, 16, 16), 10)
    spec("vgg", layers=(1, 1, 1, 1)).check((4, 16, 16), 10)
    with pytest.raises(ValueError, match=r"3 stages with a stride of 2 from each to the next are too many .* 2x9"):
        spec("resnet").check((3, 2, 9), 10)
    spec("resnet").check((3, 3, 9), 10)
    with pytest.raises(ValueError, match="are too many"):
        spec("wrn", stem_stride=2).check((3, 4, 4), 10)
    with pytest.raises(ValueError, match="at least 2 classes"):
        spec("mobilenet").check((3, 32, 32), 1)
