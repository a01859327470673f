"""Several runs on one GPU: whether it computes them side by side or by turns."""

import os
from pathlib import Path

from overthink.definition.run_definition import RunDefinition
from overthink.launching.outcomes import Options
from overthink.running import gpu_drivers

PIPES = "CUDA_MPS_PIPE_DIRECTORY"
DEFAULT_PIPES = "/tmp/nvidia-mps"


def takes_turns(options: Options, runs: list[RunDefinition]) -> str:
    """Return a sentence where several runs would share a GPU by turns, for want of NVIDIA's MPS; else an empty one."""
    on_gpu = [run for run in runs if run.kernels == "torch"]
    at_once = min(options.jobs, len(on_gpu))
    local = options.engine == "local" and options.device != "cpu"
    if not local or at_once < 2 or not os.path.exists(gpu_drivers.NVIDIA):
        return ""
    if (Path(os.environ.get(PIPES) or DEFAULT_PIPES) / "control").exists():
        return ""
    return (
        f"{at_once} runs share the GPU by turns, which is no faster than one after another; "
        "start NVIDIA's MPS with `nvidia-cuda-mps-control -d` to have them computed side by side (docs/gpu.md)."
    )
