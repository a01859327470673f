"""Corruptions of test images, by hand and by their strength."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from overthink.data.catalogue import load_dataset
from overthink.data.corruption import CORRUPTIONS, LARGE, SMALL, CorruptionSpec, Kind
from overthink.data.max_min_mnist import MaxMinMnistSpec


def grey(*values: int) -> NDArray[np.uint8]:
    """Return one image of one row."""
    return np.array(values, dtype=np.uint8)[None, None, None]


def corrupted(kind: Kind, severity: int, images_NKHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return CorruptionSpec(kind=kind, severity=severity).apply(images_NKHW)


def random_images(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, size=shape, dtype=np.uint8)


def test_contrast_and_brightness_by_hand() -> None:
    assert corrupted("contrast", 2, grey(0, 100, 200)).ravel().tolist() == [50, 100, 150]
    assert corrupted("brightness", 3, grey(0, 100, 240)).ravel().tolist() == [38, 138, 255]
    orange = np.array([200, 100, 0], dtype=np.uint8).reshape(1, 3, 1, 1)
    assert corrupted("brightness", 1, orange).ravel().tolist() == [213, 106, 0]  # hue and saturation stay


def test_blur_by_a_sum_over_neighbours() -> None:
    """The middle pixel of a bright dot, by the definition of a Gaussian of sigma 1, cut off at 4 pixels."""
    images_NKHW = np.zeros((1, 1, 9, 9), dtype=np.uint8)
    images_NKHW[0, 0, 4, 4] = 255
    weight_O = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    middle = (weight_O / weight_O.sum())[4] ** 2
    assert corrupted("gaussian-blur", 5, images_NKHW)[0, 0, 4, 4] == round(255 * middle)


def test_pixelate_averages_boxes() -> None:
    """Four pixels, at 0.25 of an image that is large: one box."""
    images_NKHW = np.zeros((1, 1, 80, 80), dtype=np.uint8)
    images_NKHW[..., 1::2] = 200
    assert np.unique(corrupted("pixelate", 5, images_NKHW)).tolist() == [100]


def test_noise_has_its_strength() -> None:
    images_NKHW = np.full((50, 1, 32, 32), 128, dtype=np.uint8)
    off_NKHW = corrupted("gaussian-noise", 5, images_NKHW) / 255 - 128 / 255
    assert off_NKHW.std() == pytest.approx(0.10, rel=0.02)
    shot_NKHW = corrupted("shot-noise", 1, images_NKHW) / 255
    assert shot_NKHW.var() == pytest.approx(128 / 255 / 500, rel=0.03)
    replaced_NKHW = corrupted("impulse-noise", 5, images_NKHW)
    assert (replaced_NKHW == 0).mean() == pytest.approx(0.035, rel=0.1)
    assert (replaced_NKHW == 255).mean() == pytest.approx(0.035, rel=0.1)


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("side", [32, 80])
def test_more_severe_is_further_away_and_the_same_each_time(kind: Kind, side: int) -> None:
    images_NKHW = random_images(4, 3, side, side)
    away = []
    for severity in range(1, 6):
        once_NKHW = corrupted(kind, severity, images_NKHW)
        assert once_NKHW.dtype == np.uint8
        assert once_NKHW.tobytes() == corrupted(kind, severity, images_NKHW).tobytes()
        away.append(np.abs(once_NKHW.astype(float) - images_NKHW).mean())
    assert away[4] > away[2] > away[0] > 0.1


def test_every_kind_has_five_severities_for_both_sizes() -> None:
    assert SMALL.keys() == LARGE.keys() == CORRUPTIONS.keys()
    assert {len(strengths) for strengths in (*SMALL.values(), *LARGE.values())} == {5}


def test_another_seed_is_other_noise() -> None:
    images_NKHW = random_images(2, 1, 8, 8)
    spec = CorruptionSpec(kind="gaussian-noise", severity=1)
    other = spec.model_copy(update={"seed": 1})
    assert (spec.apply(images_NKHW) != other.apply(images_NKHW)).any()


def test_only_test_images_change_and_as_pictures() -> None:
    """Pixels that are rearranged into channels are corrupted where they are in the picture."""
    plain = MaxMinMnistSpec(kind="max-min-mnist", digits="embedded", train=80, test=40, shrink=2)
    corruption = CorruptionSpec(kind="gaussian-blur", severity=3)
    blurred = plain.model_copy(update={"corruption": corruption})
    deep = blurred.model_copy(update={"space_to_depth": 2})
    clean, changed, rearranged = (load_dataset(spec) for spec in (plain, blurred, deep))
    assert (clean.train.images_NKHW == changed.train.images_NKHW).all()
    assert (clean.test.labels_N == changed.test.labels_N).all()
    assert (clean.test.images_NKHW != changed.test.images_NKHW).any()
    assert (deep.pictures(rearranged.test.images_NKHW) == changed.test.images_NKHW).all()
    assert clean.digest == changed.digest
    assert changed.name == "max-min-mnist, gaussian-blur 3"


def test_short_text_and_its_mistakes() -> None:
    assert CorruptionSpec.model_validate("contrast:2") == CorruptionSpec(kind="contrast", severity=2)
    for text, part in (("contrast", "KIND:SEVERITY"), ("contrast:6", "less than"), ("fog:1", "gaussian-noise")):
        with pytest.raises(ValidationError, match=part):
            CorruptionSpec.model_validate(text)
