"""Makes digits.npz: 10,000 of MNIST's digits, cut to 20x20. Same bytes every time.

    python platform/overthink/data/embedded/make.py ROOT

ROOT holds MNIST/raw/*-ubyte, as torchvision leaves them.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from overthink.data.digits import EMBEDDED, PARTS, read_mnist

PER_DIGIT = {"train": 800, "test": 200}


def main(root: Path) -> None:
    """Choose, cut, write, and print the digest that digits.py expects."""
    arrays = {}
    for number, part in enumerate(PARTS):
        digits = read_mnist(root / "MNIST" / "raw", part)
        rng = np.random.default_rng([20260101, number])
        chosen = [
            rng.choice(np.flatnonzero(digits.labels_N == digit), PER_DIGIT[part], replace=False) for digit in range(10)
        ]
        rows = np.sort(np.concatenate(chosen))
        arrays[f"{part}_images"] = digits.images_NHW[rows]
        arrays[f"{part}_labels"] = digits.labels_N[rows].astype(np.uint8)
        arrays[f"{part}_ids"] = digits.ids_N[rows].astype(np.uint16)
    np.savez_compressed(EMBEDDED, **arrays)
    sys.stdout.write(f"{EMBEDDED}: {EMBEDDED.stat().st_size} bytes, SHA-256 {_sha256(EMBEDDED)}\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
