"""What a Grad-CAM picture says beside its maps."""

import numpy as np
from PIL import ImageFont

from overthink.report.grad_cam_picture import (
    FONT_SIZE,
    LEGEND,
    MARGIN,
    OF_CLASS,
    ExitAnswer,
    ExplainedSample,
    _wrapped,
    grad_cam_picture,
)


def test_the_legend_is_whole_however_narrow_the_picture_is() -> None:
    image_KHW, heat_EHW = np.zeros((1, 32, 32), dtype=np.uint8), np.zeros((2, 32, 32))
    sample = ExplainedSample(image_KHW, heat_EHW, "sample 7\nclass 4", (ExitAnswer("4", 0.5, True),) * 2)
    narrow = grad_cam_picture([sample])
    font, text = ImageFont.load_default(FONT_SIZE), LEGEND.format(of=OF_CLASS["predicted"])
    lines = _wrapped(text, font, narrow.width - 2 * MARGIN)
    assert " ".join(lines) == text
    assert len(lines) > 2
    assert all(font.getlength(line) <= narrow.width - 2 * MARGIN for line in lines)
    assert grad_cam_picture([sample._replace(answers=sample.answers * 3, heat_EHW=np.zeros((6, 32, 32)))]).height < (
        narrow.height
    )
    assert np.asarray(narrow)[-MARGIN:].min() == 255, "nothing is cut off below"


def test_maps_are_said_to_be_of_the_class_they_are_of() -> None:
    assert "the class that the exit predicts" in LEGEND.format(of=OF_CLASS["predicted"])
    assert "the sample's class" in LEGEND.format(of=OF_CLASS["true"])
    assert "without any colour" in LEGEND
