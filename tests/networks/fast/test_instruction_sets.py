"""The kernels as they are compiled for other machines than this one: `make test-services`."""

import platform
from pathlib import Path

import pytest

from overthink.networks.fast import compiler
from overthink.networks.fast.compiler import V3, V4
from support.built_kernels import KernelsForTests
from support.kernel_checks import check_step
from support.small_plans import dense, pooled, residual, separable

NEEDED = {"x86-64": frozenset[str](), "x86-64-v3": V3, "x86-64-v4": V4}


@pytest.mark.process
@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="not an x86-64 processor")
@pytest.mark.parametrize("target", NEEDED)
def test_each_is_compiled_without_a_warning_and_right_where_it_runs(kernels: KernelsForTests, target: str) -> None:
    library = kernels.library(16, f"-march={target}")
    if not compiler._features(Path("/proc/cpuinfo")) >= NEEDED[target]:
        pytest.skip(f"compiled, but this processor cannot execute {target}")
    for plan in (
        dense(),
        dense(gains=True),
        residual(),
        pooled("largest"),
        pooled("mean"),
        separable(),
        dense(frozen=4),
    ):
        check_step(library, plan, 20)
        check_step(library, plan, 33, threads=3)
