"""Whether the `step` of a torch module of one's own computes what its `forward` does, exit by exit."""

import torch
from torch import Tensor, nn

from overthink.sentences import raised

TOLERANCE = 1e-3
"""Of the largest logit: other orders of the same sums differ less, other layers differ more."""


def check_steps(place: str, module: nn.Module, input_shape: tuple[int, int, int], n_classes: int) -> None:
    """Compare both on two random images, in the mode of evaluation; raise ValueError naming what is wrong."""
    state: object = torch.randn(2, *input_shape)
    with torch.no_grad():
        expected = module(state)
        for number, expected_BC in enumerate(expected, 1):
            logits_BC, state = _stepped(place, module, number, state)
            if tuple(logits_BC.shape) != (2, n_classes):
                raise ValueError(
                    f"network.class: {place}.step({number}, state) returns logits of shape {tuple(logits_BC.shape)} "
                    f"for 2 images, expected (2, {n_classes})"
                )
            atol = TOLERANCE * float(expected_BC.abs().max())
            if not torch.allclose(logits_BC, expected_BC, rtol=0, atol=atol):
                raise ValueError(
                    f"network.class: {place}.step({number}, state) returns other logits than exit {number} of its "
                    "forward, so images that leave early would get other answers"
                )


def _stepped(place: str, module: nn.Module, number: int, state: object) -> tuple[Tensor, object]:
    called = f"{place}.step({number}, state)"
    try:
        found = module.step(number, state)  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - whatever a person's class does, it is one sentence
        raise ValueError(f"network.class: {raised(called, error)}") from None
    if not isinstance(found, tuple | list) or len(found) != 2 or not isinstance(found[0], Tensor):
        raise ValueError(f"network.class: {called} must return logits and the state that the next exit continues from")
    logits_BC, after = found
    states = after if isinstance(after, tuple | list) else (after,)
    if not all(isinstance(one, Tensor) and one.shape[:1] == (2,) for one in states):
        raise ValueError(
            f"network.class: {called} returns a state that is no tensor with a row per image, nor a tuple of such"
        )
    return logits_BC, tuple(states) if len(states) > 1 else states[0]
