"""The device of a run, and the settings of torch that decide whether the same run gives the same bits."""

import os

import torch

from overthink.running import gpu_drivers


def configure(threads: int, device: str, strict: bool = True, tf32: bool = False) -> torch.device:
    """Set up torch so that the same run gives the same bits, and return the device; `auto` is CUDA where there is one.

    Where not `strict`, a GPU may use nondeterministic kernels, which group sums in other ways; with `tf32` it may round
    what it multiplies to TF32.
    Raises ValueError for a CUDA device that the machine lacks.
    """
    torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if gpu_drivers.has_gpu() else "cpu"
    on = torch.device(device)
    if on.type == "cuda":  # on a CPU the operations used here are deterministic anyway
        if (on.index or 0) >= torch.cuda.device_count():
            raise ValueError(f"--device {device}: this machine has {torch.cuda.device_count()} CUDA devices")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may be nondeterministic
        torch.use_deterministic_algorithms(strict, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a launch each
        torch.backends.cudnn.benchmark = not strict
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    return on


def settings(device: torch.device) -> dict[str, str | int | bool]:
    """Return the settings of this process that can change the last bits of a result."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        "matmul_tf32": torch.backends.cuda.matmul.allow_tf32,
    }
