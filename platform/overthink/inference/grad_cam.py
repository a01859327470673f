"""Grad-CAM (Selvaraju et al. 2017) for every exit of a network (thesis figure 3.9).

Implemented here because captum requires NumPy below 2, grad-cam requires OpenCV, and neither supports several exits.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from overthink.networks.multi_exit import MultiExitNetwork, State


def grad_cam(
    network: MultiExitNetwork, images_BKHW: Tensor, class_EB: Tensor, size: tuple[int, int] | None = None
) -> Tensor:
    """Return how much each pixel supports a class at each exit, (E, B, H, W) on the CPU, in [0, 1].

    relu(sum_f w_f A_f), with A the coarsest feature maps that the exit reads and w_f the spatial mean of the gradient
    of the class score with respect to A_f; divided by its maximum, resized to `size`, by default the image's. All 0 if
    nothing supports it. class_EB holds the class for each exit and image, int64. Raises ValueError where an exit reads
    no maps.
    """
    maps_E: list[Tensor] = []

    def remember(_module: nn.Module, _given: object, state: State) -> None:
        maps_E.append(state[-1])

    hooks = [block.register_forward_hook(remember) for block in network.eval().blocks]
    try:
        with torch.enable_grad():
            logits_EBC = network(images_BKHW.clone().requires_grad_(True))
            if without := [number for number, maps in enumerate(maps_E, 1) if maps.ndim != 4]:
                raise ValueError(f"Grad-CAM is of feature maps, and exit {without[0]} of this network reads none")
            heat = [
                _heat(maps_BFHW, logits_BC, class_B)
                for maps_BFHW, logits_BC, class_B in zip(maps_E, logits_EBC, class_EB, strict=True)
            ]
    finally:
        for hook in hooks:
            hook.remove()
    enlarged = [
        functional.interpolate(of_B[:, None], size=size or images_BKHW.shape[2:], mode="bilinear")[:, 0]
        for of_B in heat
    ]
    return torch.stack(enlarged).detach().cpu()


def _heat(maps_BFHW: Tensor, logits_BC: Tensor, class_B: Tensor) -> Tensor:
    score = logits_BC.gather(1, class_B[:, None]).sum()
    (gradient_BFHW,) = torch.autograd.grad(score, maps_BFHW, retain_graph=True)
    weight_BF = gradient_BFHW.mean(dim=(2, 3))
    heat_BHW = torch.relu((weight_BF[:, :, None, None] * maps_BFHW).sum(dim=1))
    most_B = heat_BHW.amax(dim=(1, 2), keepdim=True)
    return heat_BHW / torch.where(most_B > 0, most_B, 1.0)
