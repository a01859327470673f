import pytest
import torch

from overthink.networks.msdnet_spec import MSDNetSpec


def test_what_is_checked_is_what_is_built() -> None:
    spec = MSDNetSpec(kind="msdnet", channels=4, growth=2, head_channels=8)
    spec.check((1, 28, 28), 10)
    network = spec.build((1, 28, 28), 10, torch.Generator().manual_seed(0)).eval()
    assert [tuple(logits_BC.shape) for logits_BC in network(torch.zeros(2, 1, 28, 28))] == [(2, 10)] * spec.blocks


@pytest.mark.parametrize(
    "side, n_classes, said", [(32, 1, "at least 2 classes, got 1"), (2, 10, "3 scales .* images of 2x2 pixels")]
)
def test_what_cannot_be_built(side: int, n_classes: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MSDNetSpec(kind="msdnet").check((3, side, side), n_classes)
