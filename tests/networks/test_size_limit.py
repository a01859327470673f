import pytest
import torch
from torch import nn

from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.size_limit import limited_size


def test_parameters_are_counted_by_hand() -> None:
    with limited_size(6 + 2):
        nn.Linear(3, 2)
    with pytest.raises(ValueError, match="network: more than 7 parameters"), limited_size(7):
        nn.Linear(3, 2)
    nn.Linear(30, 20)  # the limit ends with the block


@pytest.mark.parametrize("growth", [4096, 10_000])
def test_a_network_larger_than_memory_is_refused_before_it_takes_any(growth: int) -> None:
    spec = MSDNetSpec(kind="msdnet", growth=growth, channels=growth)
    with pytest.raises(ValueError, match="more than 100,000,000 parameters"), limited_size():
        spec.build((3, 32, 32), 10, torch.Generator())


def test_a_tensor_larger_than_the_address_space() -> None:
    with pytest.raises(ValueError, match="more than 100,000,000 parameters"), limited_size():
        nn.Linear(2**40, 2**10)
