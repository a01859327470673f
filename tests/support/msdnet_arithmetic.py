"""MSDNet in whole numbers and in bare functions, written from its description and apart from the package's modules."""

from collections.abc import Iterator
from math import ceil, floor

from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, cat
from torch.nn import functional

from overthink.networks.msdnet_spec import MSDNetSpec


def steps(spec: MSDNetSpec) -> list[int]:
    """Layers of each block; blocks after the first are counted from 1."""
    if spec.step_mode == "even":
        return [spec.base] + [spec.step] * (spec.blocks - 1)
    return [spec.base] + [spec.step * i + 1 for i in range(1, spec.blocks)]


def kept_after(spec: MSDNetSpec, layer: int) -> list[int]:
    """Scales (1 is the finest) that leave a layer; layer 0 is the first layer, which seeds them all."""
    total = sum(steps(spec))
    if layer == 0:
        count = spec.scales
    elif spec.prune == "max":
        count = spec.scales - floor((layer - 1) / ceil(total / spec.scales))
    else:
        count = min(spec.scales, total - layer + 1)
    return list(range(spec.scales - count + 1, spec.scales + 1))


def has_transition(spec: MSDNetSpec, layer: int) -> bool:
    total = sum(steps(spec))
    if spec.reduction == 0:
        return False
    if spec.prune == "max":
        return kept_after(spec, layer) != kept_after(spec, layer - 1)
    return layer in (floor(total / 3), floor(2 * total / 3))


class Ledger:
    """Adds up parameters and MUL-ADDs, and follows channels and sides of every scale."""

    def __init__(self, spec: MSDNetSpec, shape: tuple[int, int, int]) -> None:
        self.spec = spec
        self.parameters = self.mul_adds = 0
        self.unit = spec.channels
        self.channels: dict[int, int] = {}
        self.sides: dict[int, tuple[int, int]] = {}
        self._first(*shape)

    def convolution(self, n_in: int, n_out: int, kernel: int, sides: tuple[int, int]) -> None:
        """A convolution without bias to so many pixels, a BatchNorm and a ReLU."""
        pixels = sides[0] * sides[1]
        self.parameters += kernel * kernel * n_in * n_out + 2 * n_out
        self.mul_adds += kernel * kernel * n_in * n_out * pixels + n_out * pixels

    def _first(self, n_in: int, height: int, width: int) -> None:
        sides = (height, width)
        for scale in range(1, self.spec.scales + 1):
            n_out = self.spec.channels * self.spec.growth_factors[scale - 1]
            if scale == 1 and self.spec.stem == "imagenet":
                self.convolution(n_in, n_out, 7, halved(sides))
                sides = halved(halved(sides))
                self.mul_adds += 9 * n_out * sides[0] * sides[1]
            else:
                sides = sides if scale == 1 else halved(sides)
                self.convolution(n_in, n_out, 3, sides)
            self.channels[scale], self.sides[scale] = n_out, sides
            n_in = n_out

    def path(self, source: int, target: int, n_out: int) -> None:
        n_in = self.channels[source]
        if self.spec.bottleneck:
            width = min(n_in, self.spec.bottleneck_factors[source - 1] * n_out)
            self.convolution(n_in, width, 1, self.sides[source])
            n_in = width
        self.convolution(n_in, n_out, 3, self.sides[target])

    def layer(self, number: int) -> None:
        coming, kept = kept_after(self.spec, number - 1), kept_after(self.spec, number)
        added = {}
        for scale in kept:
            added[scale] = self.spec.growth * self.spec.growth_factors[scale - 1]
            if scale - 1 in coming:
                self.path(scale - 1, scale, added[scale] // 2)
                self.path(scale, scale, added[scale] // 2)
            else:
                self.path(scale, scale, added[scale])
        self.channels = {scale: self.channels[scale] + added[scale] for scale in kept}
        self.unit += self.spec.growth
        if has_transition(self.spec, number):
            self.unit = floor(self.spec.reduction * self.unit)
            for scale in kept:
                n_out = self.unit * self.spec.growth_factors[scale - 1]
                self.convolution(self.channels[scale], n_out, 1, self.sides[scale])
                self.channels[scale] = n_out

    def exit(self, n_classes: int) -> None:
        width, once = self.spec.head_channels, halved(self.sides[self.spec.scales])
        self.convolution(self.channels[self.spec.scales], width, 3, once)
        self.convolution(width, width, 3, halved(once))
        self.mul_adds += width * halved(once)[0] * halved(once)[1]
        self.parameters += width * n_classes + n_classes
        self.mul_adds += width * n_classes + n_classes


def halved(sides: tuple[int, int]) -> tuple[int, int]:
    return ceil(sides[0] / 2), ceil(sides[1] / 2)


def bill(spec: MSDNetSpec, shape: tuple[int, int, int], n_classes: int) -> Iterator[tuple[int, int]]:
    """Yield cumulative parameters and MUL-ADDs of each exit."""
    ledger, number = Ledger(spec, shape), 0
    for count in steps(spec):
        for _ in range(count):
            number += 1
            ledger.layer(number)
        ledger.exit(n_classes)
        yield ledger.parameters, ledger.mul_adds


class Bare:
    """The forward pass in evaluation mode, in bare functions on a network's stored weights."""

    def __init__(self, spec: MSDNetSpec, weights: dict[str, Tensor]) -> None:
        self.spec, self.weights = spec, weights

    def convolution(self, name: str, given: Tensor, stride: int = 1) -> Tensor:
        kernel = self.weights[f"{name}.0.weight"]
        found = functional.conv2d(given, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        scale, shift, mean, variance = (
            self.weights[f"{name}.1.{part}"][:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return ((found - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)

    def path(self, name: str, given: Tensor, stride: int) -> Tensor:
        if self.spec.bottleneck:
            return self.convolution(f"{name}.1", self.convolution(f"{name}.0", given), stride)
        return self.convolution(f"{name}.0", given, stride)

    def first(self, images_BKHW: Tensor) -> dict[int, Tensor]:
        if self.spec.stem == "imagenet":
            finest = self.convolution("blocks.0.0.scales.0.0", images_BKHW, 2)
            maps = {1: functional.max_pool2d(finest, 3, stride=2, padding=1)}
        else:
            maps = {1: self.convolution("blocks.0.0.scales.0", images_BKHW)}
        for scale in range(2, self.spec.scales + 1):
            maps[scale] = self.convolution(f"blocks.0.0.scales.{scale - 1}", maps[scale - 1], 2)
        return maps

    def layer(self, name: str, maps: dict[int, Tensor], kept: list[int]) -> dict[int, Tensor]:
        found, downs = {}, 0
        for place, scale in enumerate(kept):
            parts = [maps[scale]]
            if scale - 1 in maps:
                parts.append(self.path(f"{name}.down.{downs}", maps[scale - 1], 2))
                downs += 1
            found[scale] = cat([*parts, self.path(f"{name}.normal.{place}", maps[scale], 1)], dim=1)
        return found

    def exit(self, name: str, coarsest: Tensor) -> Tensor:
        once = self.convolution(f"{name}.features.convolutions.0", coarsest, 2)
        pooled_BF = self.convolution(f"{name}.features.convolutions.1", once, 2).mean((2, 3))
        return functional.linear(
            pooled_BF, self.weights[f"{name}.classify.weight"], self.weights[f"{name}.classify.bias"]
        )

    def logits(self, images_BKHW: Tensor) -> Iterator[Tensor]:
        """Yield logits_BC of each exit."""
        maps, number = self.first(images_BKHW), 0
        for block, count in enumerate(steps(self.spec)):
            place = 1 if block == 0 else 0
            for _ in range(count):
                number += 1
                maps = self.layer(f"blocks.{block}.{place}", maps, kept_after(self.spec, number))
                place += 1
                if has_transition(self.spec, number):
                    name = f"blocks.{block}.{place}.scales"
                    thin = [self.convolution(f"{name}.{i}", features) for i, features in enumerate(maps.values())]
                    maps = dict(zip(maps, thin, strict=True))
                    place += 1
            yield self.exit(f"exits.{block}", maps[self.spec.scales])


@st.composite
def specs(draw: st.DrawFn) -> MSDNetSpec:
    """Any small MSDNet that its specification accepts."""
    scales = draw(st.integers(1, 4))
    factors = st.lists(st.integers(1, 4), min_size=scales, max_size=scales + 1)
    written = {
        "kind": "msdnet",
        "blocks": draw(st.integers(1, 4)),
        "scales": scales,
        "base": draw(st.integers(1, 4)),
        "step": draw(st.integers(1, 2)),
        "step_mode": draw(st.sampled_from(["linear", "even"])),
        "channels": draw(st.integers(1, 7)),
        "growth": draw(st.integers(1, 3)) * 2,
        "growth_factors": tuple(draw(factors)),
        "bottleneck": draw(st.booleans()),
        "bottleneck_factors": tuple(draw(factors)),
        "prune": draw(st.sampled_from(["max", "min"])),
        "reduction": draw(st.sampled_from([0.0, 0.4, 0.5, 0.7, 1.0])),
        "head_channels": draw(st.integers(1, 6)),
        "stem": draw(st.sampled_from(["small", "imagenet"])),
    }
    try:
        return MSDNetSpec.model_validate(written)
    except ValidationError:
        assert written["prune"] == "min"  # too few layers to drop scales one by one
        return MSDNetSpec.model_validate(written | {"prune": "max"})
