"""A picture of where exits look: a row a sample, its image, and each exit's map over it."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from overthink.predictions.arrays import FloatArray
from overthink.report.montage import as_rgb, enlarged

if TYPE_CHECKING:
    from PIL import Image

CELL, GAP, LINE, MARGIN = 128, 10, 17, 16
FONT_SIZE = 13
PAPER, INK, RIGHT, WRONG = (255, 255, 255), (31, 41, 51), (35, 110, 70), (179, 67, 43)
OPACITY = 0.6


class Said(NamedTuple):
    """What an exit says of a sample, how sure it is, and whether it is right."""

    name: str
    confidence: float
    right: bool


class Looked(NamedTuple):
    """One sample."""

    image_KHW: NDArray[np.uint8]
    heat_EHW: FloatArray
    title: str
    """Its id and its class."""
    said: tuple[Said, ...]
    """Exit by exit."""


def grad_cam_picture(samples: list[Looked]) -> "Image.Image":
    """Return the picture; right and wrong are told by a word and by colour."""
    from PIL import Image, ImageDraw, ImageFont

    columns = 1 + len(samples[0].said)
    height = CELL + 2 * LINE + GAP
    picture = Image.new("RGB", (2 * MARGIN + columns * (CELL + GAP) - GAP, 2 * MARGIN + len(samples) * height), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(FONT_SIZE)
    for row, sample in enumerate(samples):
        top = MARGIN + row * height
        grey = as_rgb(sample.image_KHW)
        cells = [(enlarged(grey, CELL), sample.title, INK)]
        for number, (heat_HW, said) in enumerate(zip(sample.heat_EHW, sample.said, strict=True), start=1):
            title = f"exit {number}: {said.name}\n{'right' if said.right else 'wrong'}, {100 * said.confidence:.0f}%"
            cells.append((enlarged(_over(grey, heat_HW), CELL), title, RIGHT if said.right else WRONG))
        for column, (cell, title, colour) in enumerate(cells):
            left = MARGIN + column * (CELL + GAP)
            picture.paste(cell, (left, top + 2 * LINE))
            pen.multiline_text((left, top), _fitted(title, font), fill=colour, font=font, spacing=2)
    return picture


def _over(image_HW3: NDArray[np.uint8], heat_HW: FloatArray) -> NDArray[np.uint8]:
    """Return an image in grey under a map in colour, stronger where the map is."""
    colours = np.array(sample_colorscale("Inferno", np.linspace(0, 1, 256).tolist(), colortype="tuple")) * 255
    heat_colour = colours[(heat_HW * 255).astype(int)]
    share_HW1 = OPACITY * np.sqrt(heat_HW)[:, :, None]
    grey = image_HW3.mean(axis=2, keepdims=True)
    mixed_HW3 = (1 - share_HW1) * grey + share_HW1 * heat_colour
    return np.asarray(mixed_HW3.clip(0, 255), dtype=np.uint8)


def _fitted(text: str, font: object) -> str:
    """Return text whose lines are as wide as a cell at most."""
    lines = []
    for line in text.split("\n"):
        shown = "".join(character if character.isprintable() else "?" for character in line)
        while len(shown) > 1 and font.getlength(shown) > CELL:  # type: ignore[attr-defined]
            shown = shown[:-2] + "…" if shown.endswith("…") else shown[:-1] + "…"
        lines.append(shown)
    return "\n".join(lines)
