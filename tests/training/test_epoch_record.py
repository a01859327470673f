"""What an epoch says of the network that it leaves behind."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from overthink.data.augment import AugmentSpec
from overthink.data.batches import Samples
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.seeds import expand
from overthink.training.evaluate import logits_of
from overthink.training.loop import TrainingState, fit
from overthink.training.regime import Phase

TINY = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)


def test_the_overthinking_of_an_epoch_is_that_of_its_network_on_validation_data() -> None:
    chance = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (24, 1, 16, 16), generator=chance, dtype=torch.uint8)
    samples = Samples(images, torch.randint(0, 3, (24,), generator=chance), torch.tensor([0.5]), torch.tensor([0.3]))
    state = TrainingState(TINY.build((1, 16, 16), 3, torch.Generator().manual_seed(0)))
    (record,) = fit(state, (Phase(epochs=1, batch_size=8),), samples, samples, AugmentSpec(), expand(1)[0])
    right = (logits_of(state.network, samples).argmax(dim=2) == samples.labels_N).T.tolist()
    lost = [any(one[at] and not all(one[at:]) for at in range(3)) for one in right]
    assert record.val_overthinking == sum(lost) / 24
    assert record.val_final_overthinking == sum(any(one) and not one[-1] for one in right) / 24
    assert record.val_oracle == sum(map(any, right)) / 24
    assert record.val_overthinking > 0
    losses = [float(cross_entropy(logits_NC, samples.labels_N)) for logits_NC in logits_of(state.network, samples)]
    assert record.val_loss == pytest.approx(losses)
