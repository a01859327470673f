"""Time of `overthink --help` (goal: under 0.5 s)."""

import subprocess
import sys
import time
from statistics import median


def main() -> str:
    """Return the median time of nine starts."""
    seconds = []
    for _ in range(9):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "overthink.cli", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    return f"overthink --help: median {median(seconds):.2f} s of 9 (goal 0.5 s)"
