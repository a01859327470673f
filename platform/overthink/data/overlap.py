"""Images that are in more than one split."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from overthink.data.dataset import Split


def overlap_notes(train: Split, test: Split) -> tuple[str, ...]:
    """Return a sentence about test images whose pixels equal those of a training image, if there are any."""
    seen = set(map(_hashed, train.images_NKHW))
    shared = sum(_hashed(image_KHW) in seen for image_KHW in test.images_NKHW)
    if not shared:
        return ()
    return (
        f"{shared} of {len(test.labels_N)} test images equal a training image in every pixel, "
        "so test accuracy partly measures memory",
    )


def _hashed(image_KHW: NDArray[np.uint8]) -> bytes:
    return blake2b(np.ascontiguousarray(image_KHW).data, digest_size=16).digest()
