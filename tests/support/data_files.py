"""Tiny files of the published formats, made on the spot."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def images(count: int, *shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def cifar_100(root: Path, per_class: int = 1) -> Path:
    """Both files; coarse label = fine label // 5."""
    for seed, name in enumerate(("train.bin", "test.bin")):
        fine = np.random.default_rng(seed).permutation(np.repeat(np.arange(100), per_class))
        pixels = images(len(fine), 3072, seed=seed)
        records = np.column_stack([fine // 5, fine, pixels]).astype(np.uint8)
        written(root / "cifar-100-binary" / name, records.tobytes())
    return root


def cifar_10(root: Path) -> Path:
    for number, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        records = np.column_stack([np.arange(10), images(10, 3072, seed=number)]).astype(np.uint8)
        written(root / "cifar-10-batches-bin" / f"{name}.bin", records.tobytes())
    return root


def svhn(root: Path, train: int = 20, test: int = 10, extra: int = 40) -> Path:
    from scipy.io import savemat

    (root / "svhn").mkdir(parents=True)
    for seed, (name, count) in enumerate({"train": train, "test": test, "extra": extra}.items()):
        labels = np.arange(count) % 10 + 1
        contents = {"X": images(32, 32, 3, count, seed=seed), "y": labels.astype(np.uint8)[:, None]}
        savemat(root / "svhn" / f"{name}_32x32.mat", contents)
    return root


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_files(root: Path, folder: str, count: int = 20) -> Path:
    for seed, prefix in enumerate(("train", "t10k")):
        raw = root / folder / "raw"
        written(raw / f"{prefix}-images-idx3-ubyte", idx(images(count, 28, 28, seed=seed)))
        written(raw / f"{prefix}-labels-idx1-ubyte", idx((np.arange(count) % 10).astype(np.uint8)))
    return root


def picture(path: Path, width: int, height: int, value: int | None = None) -> Path:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = images(height, width, 3) if value is None else np.full((height, width, 3), value, np.uint8)
    Image.fromarray(pixels).save(path)
    return path
