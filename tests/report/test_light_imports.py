"""What reports and exit policies are made with does not import torch: it takes two seconds to."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["overthink.report.experiments", "overthink.report.exit_policies"])
def test_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
