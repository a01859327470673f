"""Random images to train on."""

import torch

from overthink.data.batches import Samples


def samples(count: int = 20) -> Samples:
    """Return images of 16x16 with three labels: in batches of 8, 20 of them leave a smaller last one."""
    chance = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (count, 1, 16, 16), generator=chance, dtype=torch.uint8)
    return Samples(images, torch.randint(0, 3, (count,), generator=chance), torch.tensor([0.5]), torch.tensor([0.3]))
