"""What a CUDA graph would record, on a CPU: a stand-in for the graph takes the recorded step again."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from overthink.networks.kernels import TORCH, Descent
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.training.captured_step import WARM, CapturedStep, LastCapture, Replay
from overthink.training.losses import OfaLossSpec
from overthink.training.step import TrainingStep

SHAPE = (1, 8, 8)


def network() -> MultiExitNetwork:
    spec = MSDNetSpec(kind="msdnet", channels=4, growth=2, blocks=2, head_channels=4)
    return spec.build(SHAPE, 3, torch.Generator().manual_seed(0)).train()


def step_of(trained: MultiExitNetwork) -> TrainingStep:
    teacher = copy.deepcopy(trained).eval().requires_grad_(False)
    loss_of = OfaLossSpec(kind="ofa").build(2, torch.device("cpu"))
    return TrainingStep(
        trained, TORCH.training(trained), loss_of, TORCH.last_exit(teacher), TORCH, {}, Descent(0.1, 0.9, 1e-4)
    )


def batch(number: int, size: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(number)
    return torch.randn(size, *SHAPE, generator=generator), torch.randint(0, 3, (size,), generator=generator)


class StandIn:
    """Records work, and counts how often it is replayed."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, work: Replay) -> Replay:
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            work()

        return replay


class NoWaiting(TorchDispatchMode):
    """Fails where a value is copied from the device to Python."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert "local_scalar" not in str(function), f"{function} waits for the device"
        assert "nonzero" not in str(function), f"the shape of {function} depends on values"
        return function(*args, **(kwargs or {}))


def test_replayed_steps_are_the_same_steps() -> None:
    one, other, record = network(), network(), StandIn()
    plain, captured_of = step_of(one), step_of(other)
    captured = CapturedStep(captured_of, record)
    sizes = [6] * (WARM + 3) + [4, 6]
    for number, size in enumerate(sizes):
        plain(*batch(number, size))
        captured(*batch(number, size))
    assert (record.recorded, record.replayed) == (1, 4)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert torch.equal(plain.sums.loss, captured_of.sums.loss)
    assert torch.equal(plain.sums.right_E, captured_of.sums.right_E)


def test_a_step_never_waits_for_the_device() -> None:
    step = step_of(network())
    step(*batch(0))
    with NoWaiting():  # type: ignore[no-untyped-call]
        step(*batch(1))
        with pytest.raises(AssertionError, match="waits for the device"):
            step.sums.loss.item()


def test_epochs_of_the_same_settings_share_a_recording_and_others_do_not() -> None:
    capture, step = LastCapture(), step_of(network())
    first = capture.of(("phase", 0.1), step)
    first(*batch(0))
    assert first.sums.loss > 0
    again = capture.of(("phase", 0.1), step_of(network()))
    assert again is first
    assert again.sums.loss == 0
    assert not again.sums.right_E.any()
    assert capture.of(("phase", 0.01), step) is not first
