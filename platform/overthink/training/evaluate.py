"""Evaluation of a network on samples: logits, loss and accuracy of every exit; BatchNorm statistics stay unchanged."""

from typing import NamedTuple

import torch
from torch import Tensor

from overthink.data.batches import Samples
from overthink.networks.kernels import TORCH, Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.training.losses import cross_entropy

BATCH = 250


class Evaluation(NamedTuple):
    """Mean cross-entropy (nats) of each exit, its logits, and which samples it has right, bool (E, N)."""

    loss_E: Tensor
    correct_EN: Tensor
    logits_ENC: Tensor

    @property
    def accuracy_E(self) -> Tensor:  # noqa: N802
        """Accuracy (fraction) of each exit."""
        return self.correct_EN.double().mean(dim=1)


@torch.inference_mode()
def logits_of(network: MultiExitNetwork, samples: Samples, kernels: Kernels = TORCH) -> Tensor:
    """Return the logits of every exit on every sample, float32 (E, N, C), on the CPU."""
    network.eval()
    logits = kernels.evaluation(network)
    rows = torch.arange(len(samples.labels_N), device=samples.labels_N.device)
    parts = [torch.stack(logits(samples.batch(rows_B)[0])).cpu() for rows_B in rows.split(BATCH)]
    return torch.cat(parts, dim=1)


def evaluate(
    network: MultiExitNetwork, samples: Samples, class_weights_C: Tensor | None = None, kernels: Kernels = TORCH
) -> Evaluation:
    """Return loss, weighted by class if weights (C,) are given, and the samples that every exit has right."""
    logits_ENC = logits_of(network, samples, kernels)
    labels_N = samples.labels_N.cpu()
    correct_EN = logits_ENC.argmax(dim=2) == labels_N
    weights_C = None if class_weights_C is None else class_weights_C.cpu()
    return Evaluation(cross_entropy(list(logits_ENC), labels_N, weights_C), correct_EN, logits_ENC)
