"""Which exit the weights follow that all exits share."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from overthink.data.batches import Samples
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.training.losses import Loss
from overthink.training.regime import Phase


def gradient_dominance(
    network: MultiExitNetwork,
    phase: Phase,
    loss_of: Loss,
    teacher: Callable[[Tensor], Tensor] | None,
    train: Samples,
) -> tuple[float, ...]:
    """Return for each exit the cosine of its gradient and that of all exits together, from -1 to 1, (E,).

    Of the weights of the first block, which exits share (0 where an exit reads only some of them), on the first batch
    of training samples as they are, with the statistics that BatchNorm has by now. 0 for exits that do not learn;
    nothing where the block is frozen. The network is in eval mode afterwards (after Krzepkowski et al. 2024).
    """
    network.eval()
    weights = [weight for weight in network.blocks[0].parameters() if weight.requires_grad]
    if not weights:
        return ()
    n = min(phase.batch_size, len(train.labels_N))
    images_BKHW, labels_B = train.batch(torch.arange(n, device=train.labels_N.device))
    logits_EBC = network(images_BKHW, phase.gradient_equilibrium)
    loss_E = loss_of(logits_EBC, labels_B, None if teacher is None else teacher(images_BKHW))
    learning = set(range(len(loss_E))[phase.learning])
    gradient_EW = torch.stack([_flat(loss * (row in learning), weights) for row, loss in enumerate(loss_E)])
    return tuple(cosine_similarity(gradient_EW, gradient_EW.sum(dim=0, keepdim=True)).tolist())


def _flat(loss: Tensor, weights: Sequence[Tensor]) -> Tensor:
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in found])
