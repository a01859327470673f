"""How long the thesis's Max-Min MNIST takes to draw: 118,000 images of 64x64 (goal: well under a minute)."""

import time

from overthink.data.max_min_mnist import MaxMinMnistSpec


def main() -> str:
    """Return the time of one drawing from the embedded digits; the number of source digits does not matter to it."""
    started = time.perf_counter()
    dataset = MaxMinMnistSpec(kind="max-min-mnist", digits="embedded").load()
    seconds = time.perf_counter() - started
    count = len(dataset.train.labels_N) + len(dataset.test.labels_N)
    return f"{count} images of 64x64 in {seconds:.1f} s, digest included"
