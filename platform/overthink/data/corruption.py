"""Corruptions of test images, for networks that are trained on clean ones.

Formulas and severities are those of Hendrycks & Dietterich 2019 ("Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations"): of CIFAR-10-C for images of at most LARGEST_SMALL pixels a side, of ImageNet-C for
larger ones. Two departures: results are rounded to the nearest of 256 values, not cut off, so that a corruption of no
strength changes nothing; and noise is drawn from a seed of its own, so that the same images are corrupted alike.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from overthink.spec import Spec

Kind = Literal["gaussian-noise", "shot-noise", "impulse-noise", "gaussian-blur", "contrast", "brightness", "pixelate"]
Images = NDArray[np.float64]
Corruption = Callable[[Images, float, np.random.Generator], Images]
SEVERITIES = 5
LARGEST_SMALL = 64
SMALL: dict[Kind, tuple[float, ...]] = {
    "gaussian-noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot-noise": (500, 250, 100, 75, 50),
    "impulse-noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "gaussian-blur": (0.4, 0.6, 0.7, 0.8, 1.0),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
}
LARGE: dict[Kind, tuple[float, ...]] = {
    "gaussian-noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "shot-noise": (60, 25, 12, 5, 3),
    "impulse-noise": (0.03, 0.06, 0.09, 0.17, 0.27),
    "gaussian-blur": (1, 2, 3, 4, 6),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
}
CHUNK = 1000
"""Images corrupted at a time: they are float64 meanwhile."""


class CorruptionSpec(Spec):
    """A corruption of test images; training and validation images stay clean. Also read from `gaussian-noise:3`."""

    kind: Kind
    severity: Annotated[int, Field(ge=1, le=SEVERITIES)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of the noise. Every run, and every severity of one kind of noise, has the same draws."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        kind, colon, severity = raw.partition(":")
        if not colon or not severity.isdecimal():
            raise ValueError(f"expected KIND:SEVERITY, such as gaussian-noise:3, got {raw!r}")
        return {"kind": kind, "severity": int(severity[:9])}

    @property
    def label(self) -> str:
        """Its kind and severity."""
        return f"{self.kind} {self.severity}"

    def apply(self, images_NKHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return corrupted images.

        >>> images_NKHW = np.full((1, 1, 2, 2), 100, dtype=np.uint8)
        >>> CorruptionSpec(kind="brightness", severity=1).apply(images_NKHW).ravel().tolist()
        [113, 113, 113, 113]
        """
        small = max(images_NKHW.shape[2:]) <= LARGEST_SMALL
        strength, corrupt = (SMALL if small else LARGE)[self.kind][self.severity - 1], CORRUPTIONS[self.kind]
        rng = np.random.default_rng(self.seed)
        corrupted_NKHW = np.empty_like(images_NKHW)
        for first in range(0, len(images_NKHW), CHUNK):
            chunk = slice(first, first + CHUNK)
            fraction_NKHW = corrupt(images_NKHW[chunk] / 255, strength, rng)
            corrupted_NKHW[chunk] = np.rint(255 * np.clip(fraction_NKHW, 0, 1))
        return corrupted_NKHW


def gaussian_noise(x_NKHW: Images, sigma: float, rng: np.random.Generator) -> Images:
    """Return x + sigma n, with n standard normal in each pixel and channel."""
    return x_NKHW + sigma * rng.standard_normal(x_NKHW.shape)


def shot_noise(x_NKHW: Images, photons: float, rng: np.random.Generator) -> Images:
    """Return Poisson(photons x) / photons."""
    return np.asarray(rng.poisson(photons * x_NKHW) / photons)


def impulse_noise(x_NKHW: Images, share: float, rng: np.random.Generator) -> Images:
    """Return x with a share of values replaced, half of them by 1 and half by 0."""
    drawn_NKHW = rng.random(x_NKHW.shape)
    replaced_NKHW = np.where(drawn_NKHW < share / 2, 1.0, 0.0)
    return np.where(drawn_NKHW < share, replaced_NKHW, x_NKHW)


def gaussian_blur(x_NKHW: Images, sigma: float, rng: np.random.Generator) -> Images:
    """Return x smoothed by a Gaussian of sigma pixels, cut off at 4 sigma; borders continue by their nearest pixel."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(x_NKHW, (0, 0, sigma, sigma), mode="nearest", truncate=4.0))


def contrast(x_NKHW: Images, factor: float, rng: np.random.Generator) -> Images:
    """Return m + factor (x - m), with m the mean of each image and channel."""
    mean_NK11 = x_NKHW.mean(axis=(2, 3), keepdims=True)
    return np.asarray(mean_NK11 + factor * (x_NKHW - mean_NK11))


def brightness(x_NKHW: Images, added: float, rng: np.random.Generator) -> Images:
    """Return x with its value, the largest channel, raised by `added` up to 1; hue and saturation stay."""
    value_N1HW = x_NKHW.max(axis=1, keepdims=True)
    raised_N1HW = np.minimum(value_N1HW + added, 1.0)
    scale_N1HW = raised_N1HW / np.where(value_N1HW == 0, 1.0, value_N1HW)
    return np.asarray(np.where(value_N1HW == 0, raised_N1HW, x_NKHW * scale_N1HW))


def pixelate(x_NKHW: Images, factor: float, rng: np.random.Generator) -> Images:
    """Return x made smaller by a factor and as large again, both by averaging over boxes."""
    from PIL import Image

    height, width = x_NKHW.shape[2:]
    low = max(int(width * factor), 1), max(int(height * factor), 1)
    found_NKHW = np.empty_like(x_NKHW)
    for place in np.ndindex(x_NKHW.shape[:2]):
        plane = Image.fromarray(np.rint(255 * x_NKHW[place]).astype(np.uint8))
        small = plane.resize(low, Image.Resampling.BOX)
        found_NKHW[place] = np.asarray(small.resize((width, height), Image.Resampling.BOX)) / 255
    return found_NKHW


CORRUPTIONS: dict[Kind, Corruption] = {
    "gaussian-noise": gaussian_noise,
    "shot-noise": shot_noise,
    "impulse-noise": impulse_noise,
    "gaussian-blur": gaussian_blur,
    "contrast": contrast,
    "brightness": brightness,
    "pixelate": pixelate,
}
