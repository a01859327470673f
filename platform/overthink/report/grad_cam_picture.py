"""A picture of Grad-CAM maps: a row for each sample, its image, and each exit's map over it."""

from typing import TYPE_CHECKING, Any, NamedTuple

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
SCALE, SCALE_WIDTH = 16, 256
OF_CLASS = {"predicted": "the class that the exit predicts", "true": "the sample's class"}
LEGEND = (
    "How much a place supports {of}, as a share of the map's largest value; in the bar, above over white pixels, below "
    "over black ones. A map without any colour: no place supports it."
)


class ExitAnswer(NamedTuple):
    """An exit's prediction for a sample: class name, confidence (0 to 1), and whether it is right."""

    name: str
    confidence: float
    right: bool


class ExplainedSample(NamedTuple):
    """An image, the map of each exit, and each exit's prediction."""

    image_KHW: NDArray[np.uint8]
    heat_EHW: FloatArray
    title: str
    """Its id and its class."""
    answers: tuple[ExitAnswer, ...]
    """In the order of exits."""


def grad_cam_picture(samples: list[ExplainedSample], of: str = "predicted") -> "Image.Image":
    """Return the picture; right and wrong are marked by a word and by colour. Maps are of a class of `OF_CLASS`."""
    from PIL import Image, ImageDraw, ImageFont

    columns = 1 + len(samples[0].answers)
    first = enlarged(as_rgb(samples[0].image_KHW), CELL)
    across, height = max(first.width, CELL) + GAP, first.height + 2 * LINE + GAP
    font, width = ImageFont.load_default(FONT_SIZE), columns * across - GAP
    legend = _wrapped(LEGEND.format(of=OF_CLASS[of]), font, width)
    tall = 2 * MARGIN + len(samples) * height + SCALE + (1 + len(legend)) * LINE
    picture = Image.new("RGB", (2 * MARGIN + width, tall), PAPER)
    pen = ImageDraw.Draw(picture)
    for row, sample in enumerate(samples):
        top = MARGIN + row * height
        grey = as_rgb(sample.image_KHW)
        cells = [(enlarged(grey, CELL), sample.title, INK)]
        for number, (heat_HW, answer) in enumerate(zip(sample.heat_EHW, sample.answers, strict=True), start=1):
            title = (
                f"exit {number}: {answer.name}\n{'right' if answer.right else 'wrong'}, {100 * answer.confidence:.0f}%"
            )
            cells.append((enlarged(_over(grey, heat_HW), CELL), title, RIGHT if answer.right else WRONG))
        for column, (cell, title, colour) in enumerate(cells):
            left = MARGIN + column * across
            picture.paste(cell, (left, top + 2 * LINE))
            pen.multiline_text((left, top), _fitted(title, font), fill=colour, font=font, spacing=2)
    top = MARGIN + len(samples) * height
    picture.paste(_scale(), (MARGIN, top))
    pen.text((MARGIN, top + SCALE), "0", fill=INK, font=font)
    pen.text((MARGIN + SCALE_WIDTH, top + SCALE), "1", fill=INK, font=font, anchor="ra")
    for number, line in enumerate(legend, start=1):
        pen.text((MARGIN, top + SCALE + number * LINE), line, fill=INK, font=font)
    return picture


def _scale() -> "Image.Image":
    """Return the colours of maps from 0 to 1: over white pixels above, over black ones below."""
    from PIL import Image

    heat_HW = np.broadcast_to(np.linspace(0, 1, SCALE_WIDTH), (SCALE, SCALE_WIDTH))
    black_HW3, white_HW3 = (np.full((SCALE, SCALE_WIDTH, 3), value, dtype=np.uint8) for value in (0, 255))
    over_HW3 = np.concatenate([_over(white_HW3[: SCALE // 2], heat_HW[: SCALE // 2]), _over(black_HW3, heat_HW)])
    return Image.fromarray(over_HW3[:SCALE])


def _over(image_HW3: NDArray[np.uint8], heat_HW: FloatArray) -> NDArray[np.uint8]:
    """Return an image in grey under a map in colour, stronger where the map is."""
    colours = np.array(sample_colorscale("Inferno", np.linspace(0, 1, 256).tolist(), colortype="tuple")) * 255
    heat_colour = colours[(heat_HW * 255).astype(int)]
    share_HW1 = OPACITY * np.sqrt(heat_HW)[:, :, None]
    grey = image_HW3.mean(axis=2, keepdims=True)
    mixed_HW3 = (1 - share_HW1) * grey + share_HW1 * heat_colour
    return np.asarray(mixed_HW3.clip(0, 255), dtype=np.uint8)


def _wrapped(text: str, font: Any, width: int) -> list[str]:
    """Return the lines of a text, broken between words, that fit a width."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _fitted(text: str, font: object) -> str:
    """Return text whose lines are as wide as a cell at most."""
    lines = []
    for line in text.split("\n"):
        shown = "".join(character if character.isprintable() else "?" for character in line)
        while len(shown) > 1 and font.getlength(shown) > CELL:  # type: ignore[attr-defined]
            shown = shown[:-2] + "…" if shown.endswith("…") else shown[:-1] + "…"
        lines.append(shown)
    return "\n".join(lines)
