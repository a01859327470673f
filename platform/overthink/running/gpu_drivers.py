"""Whether there is a GPU on this machine. torch is asked only where there is a driver: importing it takes seconds."""

import os

NVIDIA = "/dev/nvidiactl"
GPU_FILES = (NVIDIA, "/dev/nvmap", "/dev/kfd", "/dev/dxg")
"""Of drivers of GPUs: NVIDIA's, that of its boards with Arm processors, AMD's, Windows' for Linux."""


def has_gpu_driver() -> bool:
    """Return whether this machine has the driver of a GPU."""
    return any(map(os.path.exists, GPU_FILES))


def has_gpu() -> bool:
    """Return whether `--device auto` means a GPU on this machine."""
    if not has_gpu_driver():
        return False
    import torch

    return torch.cuda.is_available()
