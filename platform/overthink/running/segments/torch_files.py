"""Segments as programs of torch.export: a graph in JSON, and weights as raw bytes.

`torch.export.load` unpickles whatever pickle a file holds, so that somebody else's file can run code. Files that are
written here hold none: that is checked before they get their name.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from overthink.running.segments.files import SegmentFiles, Step
from overthink.running.segments.trace import TracedSegment
from overthink.untrusted import parse_json

PLAIN = re.compile(
    r"models/model\.json|data/(weights|constants)/(model_\w+_config\.json|(weight|tensor)_\d+)|archive_\w+|byteorder"
    r"|\.data/\w+"
)
"""Files of an archive that are JSON, raw bytes or a version."""


class TorchFiles(SegmentFiles):
    """Programs of torch.export, without pickle."""

    suffix = ".pt2"

    def check_installed(self) -> None:
        """Return, since torch is always here."""

    def write(self, segment: TracedSegment, path: Path) -> None:
        """Write a segment; raises ValueError where torch would have to pickle a part of it."""
        torch.export.save(segment.program, path)
        if pickled := pickles_in(path):
            raise ValueError(
                f"torch would pickle {pickled[0]} of exit {segment.number}, and a file with pickle is not safe to load;"
                " --format onnx needs none"
            )

    def read(self, path: Path) -> Step:
        """Return the segment of a file that was written here."""
        module = torch.export.load(path).module()

        def step(state: Sequence[Tensor]) -> Sequence[Tensor]:
            with torch.no_grad():
                return cast(Sequence[Tensor], module(*state))

        return step


def pickles_in(path: Path) -> list[str]:
    """Return what `torch.export.load` would, or might, unpickle of a file; the file is not trusted."""
    with zipfile.ZipFile(path) as archive:
        sizes = {one.filename.partition("/")[2]: one.file_size for one in archive.infolist()}
        found = [name for name, size in sizes.items() if size and not PLAIN.fullmatch(name)]
        for name in archive.namelist():
            if name.endswith("_config.json"):
                config: dict[str, Any] = parse_json(archive.read(name).decode()).get("config", {})
                found += [key for key, entry in config.items() if entry.get("use_pickle")]
    return found
