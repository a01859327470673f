"""Kernels for tests: built once for all of them, whatever cache each test has."""

from functools import cache
from pathlib import Path

import pytest

from overthink.networks import availability
from overthink.networks.fast.build import build_kernels
from overthink.networks.fast.compiler import KernelsUnavailableError, find_compiler
from overthink.networks.fast.library import Library

NO_WARNINGS = ("-Wall", "-Wextra", "-Werror")


class KernelsForTests:
    """Builds what tests ask for in one folder; a warning is an error."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cached = cache(self._built)

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the package use these builds instead of compiling its own."""
        monkeypatch.setattr(availability, "build_kernels", lambda images, report=None: self.library(images).built)

    def library(self, images: int = 64, *more_flags: str) -> Library:
        """Return kernels for blocks of so many images; skips the test where there is no compiler."""
        return self._cached(images, more_flags)

    def _built(self, images: int, more_flags: tuple[str, ...]) -> Library:
        try:
            find_compiler()
        except KernelsUnavailableError as error:
            pytest.skip(f"{error} (.ci/run installs it)")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(self.folder))
            return Library(build_kernels(images, more_flags=(*NO_WARNINGS, *more_flags)))
