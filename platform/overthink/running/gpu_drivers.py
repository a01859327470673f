"""Whether there is a GPU on this machine, by its driver: without seconds for importing torch."""

GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Of drivers of GPUs."""
