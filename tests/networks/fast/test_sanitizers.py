"""The kernels under AddressSanitizer, UBSan and ThreadSanitizer: `make test-services`."""

import os
import subprocess
from pathlib import Path

import pytest

from overthink.networks.fast.build import SOURCE
from overthink.networks.fast.compiler import KernelsUnavailableError, find_compiler, instruction_set

DRIVER = Path(__file__).with_name("sanitized.cpp")


@pytest.mark.process
@pytest.mark.parametrize("sanitizers, images", [("address,undefined", 64), ("address,undefined", 16), ("thread", 16)])
def test_nothing_is_touched_that_should_not_be(sanitizers: str, images: int, tmp_path: Path) -> None:
    """Batches that fill blocks and that do not, growing and shrinking, at changing numbers of threads."""
    try:
        compiler, target = find_compiler().command, instruction_set()
    except KernelsUnavailableError as error:
        pytest.skip(str(error))
    program = tmp_path / "sanitized"
    flags = ["-std=c++20", "-O1", "-g", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-pthread"]
    sources = map(str, [DRIVER, *sorted(SOURCE.glob("*.cpp"))])
    command = [*compiler, *flags, f"-march={target}", f"-DIMAGES={images}", *sources, "-o", str(program)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in compiled.stderr:
        pytest.skip(f"no library of the sanitizers {sanitizers}")
    assert compiled.returncode == 0, compiled.stderr
    said = []
    for threads in "1", "3":
        environment = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}
        run = [program, threads, "1", "70", "16", "130"]
        done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 12
