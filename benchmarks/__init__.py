"""Benchmarks of the platform, some against a usual implementation. Run them with `make bench`."""

import sys
from pathlib import Path

# The simulated worlds of the tests are those of the benchmarks.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
