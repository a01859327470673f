"""Segments as ONNX files, read by onnxruntime to check them."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from overthink.running.segments.files import SegmentFiles, Step
from overthink.running.segments.trace import TracedSegment
from overthink.sentences import cut, listed

PACKAGES = "onnx", "onnxscript", "onnxruntime"
MISSING = (
    "ONNX files need {names}, which this Python does not have; pip install 'overthink[onnx]' brings what they need"
)


class OnnxFiles(SegmentFiles):
    """ONNX, with any number of images at once; weights are in the file, and names of this machine's folders are not."""

    suffix = ".onnx"

    def check_installed(self) -> None:
        """Raise ValueError where a package is missing."""
        missing = [name for name in PACKAGES if find_spec(name) is None]
        if missing:
            raise ValueError(MISSING.format(names=listed(missing)))

    def write(self, segment: TracedSegment, path: Path) -> None:
        """Write a segment; raises ValueError for operations that ONNX does not have."""
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            written: Any = torch.onnx.export(
                segment.program,
                (),
                input_names=list(segment.inputs),
                output_names=list(segment.outputs),
                dynamo=True,
                verbose=False,
            )
        except Exception as error:  # noqa: BLE001 - torch.onnx has errors of many classes
            said = cut(" ".join(str(error).split()), 300)
            raise ValueError(f"ONNX cannot hold exit {segment.number} of the network: {said}") from None
        _forget_origins(written.model)
        written.save(path)

    def read(self, path: Path) -> Step:
        """Return the segment of a file, computed by onnxruntime with as many threads as torch has."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = [one.name for one in session.get_inputs()]

        def step(state: Sequence[Tensor]) -> list[Tensor]:
            given = {name: tensor.numpy() for name, tensor in zip(names, state, strict=True)}
            return [torch.from_numpy(array) for array in session.run(None, given)]

        return step


def _forget_origins(model: Any) -> None:
    """Remove what the exporter notes of the code that a graph was traced from, with names of this machine's folders."""
    for graph in (model.graph, *model.functions.values()):
        graph.metadata_props.clear()
        graph.doc_string = None
        for node in graph:
            for place in (node, *node.outputs):
                place.metadata_props.clear()
                place.doc_string = None
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    model.metadata_props.clear()
