"""Run all benchmarks, or those named: `python -m benchmarks compare help`."""

import platform
import sys

from benchmarks import (
    compare,
    comparisons,
    estimates,
    generation,
    intervals,
    kernels,
    load,
    sources,
    startup,
    tracking,
    training,
)

BENCHMARKS = {
    module.__name__.split(".")[-1]: module.main
    for module in (
        *(startup, generation, compare, tracking, load, training),
        *(kernels, comparisons, intervals, sources, estimates),
    )
}

if __name__ == "__main__":
    print(f"{platform.platform()}, Python {platform.python_version()}")
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"{name}: {BENCHMARKS[name]()}", flush=True)
