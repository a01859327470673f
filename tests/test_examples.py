"""The `>>>` examples of docstrings run as they are printed, and every public function of a metric has one."""

import doctest
import re
from importlib import import_module
from inspect import getmembers, isfunction
from pathlib import Path

import pytest

import overthink

ROOT = Path(overthink.__file__).parent
MODULES = {
    ".".join(("overthink", *path.relative_to(ROOT).with_suffix("").parts)): path.read_text(encoding="utf-8")
    for path in sorted(ROOT.rglob("*.py"))
}


OF_A_STORE = re.compile(r"overthink\.\w+\.public|overthink\.comparison\.frame")
"""Their examples need a store: tests/test_public_api.py has one."""


@pytest.mark.parametrize(
    "name", [name for name, text in MODULES.items() if ">>> " in text and not OF_A_STORE.fullmatch(name)]
)
def test_examples_run_as_printed(name: str) -> None:
    found = doctest.testmod(import_module(name.removesuffix(".__init__")))
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("overthink.metrics.")])
def test_every_public_function_of_metrics_has_an_example(name: str) -> None:
    module = import_module(name.removesuffix(".__init__"))
    own = {f"{name}.{of}": function for of, function in getmembers(module, isfunction) if function.__module__ == name}
    assert not [
        of for of, function in own.items() if not of.startswith(f"{name}._") and ">>> " not in str(function.__doc__)
    ]
