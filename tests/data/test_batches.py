import numpy as np
import torch

from overthink.data.augment import AugmentSpec, augmented
from overthink.data.batches import Samples, training_batches


def samples(n: int, channels: int = 2, side: int = 5) -> Samples:
    images = torch.arange(n * channels * side * side).remainder(251).to(torch.uint8).reshape(n, channels, side, side)
    mean, std = torch.tensor([0.5] * channels), torch.tensor([0.25] * channels)
    return Samples(images, torch.arange(n), mean, std)


def test_normalised_by_hand() -> None:
    data = Samples(
        torch.tensor([[[[0, 255]]]], dtype=torch.uint8), torch.tensor([0]), torch.tensor([0.5]), torch.tensor([0.25])
    )
    torch.testing.assert_close(data.normalise(data.images_NKHW), torch.tensor([[[[-2.0, 2.0]]]]))


def test_an_epoch_holds_every_sample_once_in_the_order_of_its_generator() -> None:
    data = samples(10)
    batches = list(training_batches(data, 4, AugmentSpec(), np.random.default_rng(3), np.random.default_rng(0)))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    seen = torch.cat([labels for _, labels in batches])
    assert seen.tolist() == np.random.default_rng(3).permutation(10).tolist()
    first_images, first_labels = batches[0]
    torch.testing.assert_close(first_images, data.normalise(data.images_NKHW[first_labels]))


def test_a_last_batch_of_one_is_left_out() -> None:
    batches = list(training_batches(samples(9), 4, AugmentSpec(), np.random.default_rng(0), np.random.default_rng(0)))
    assert [len(labels) for _, labels in batches] == [4, 4]


def test_augmentation_against_a_loop_over_samples() -> None:
    images = samples(20).images_NKHW
    augment = AugmentSpec(pad=2, flip=True)
    result = augmented(images, augment, torch.from_numpy(augment.drawn(20, np.random.default_rng(7))))
    chance = np.random.default_rng(7)
    top, left = chance.integers(0, 5, size=(2, 20))
    flip = chance.random(20) < 0.5
    assert flip.any()
    assert not flip.all()
    for n, image in enumerate(images.numpy()):
        padded = np.pad(image, ((0, 0), (2, 2), (2, 2)))
        crop = padded[:, top[n] : top[n] + 5, left[n] : left[n] + 5]
        expected = crop[:, :, ::-1] if flip[n] else crop
        assert (result[n].numpy() == expected).all()


def test_no_augmentation_changes_nothing() -> None:
    images = samples(3).images_NKHW
    assert augmented(images, AugmentSpec(), torch.zeros(3, 3)) is images


def test_each_batch_has_draws_of_its_own_whenever_they_are_drawn() -> None:
    data, augment = samples(11), AugmentSpec(pad=2, flip=True)
    batches = training_batches(data, 4, augment, np.random.default_rng(3), np.random.default_rng(5))
    order, chance = np.random.default_rng(3).permutation(11), np.random.default_rng(5)
    for number, (images, _) in enumerate(batches):
        rows = data.images_NKHW[order[4 * number : 4 * number + 4]]
        expected = augmented(rows, augment, torch.from_numpy(augment.drawn(len(rows), chance)))
        assert torch.equal(images, data.normalise(expected))
