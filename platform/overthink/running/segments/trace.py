"""Segments of a network as graphs of torch: segment i maps the state after exit i-1 to the logits of exit i and on."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.overrides import TorchFunctionMode

from overthink.networks.folding import folded
from overthink.networks.multi_exit import Carry, MultiExitNetwork
from overthink.sentences import cut

IMAGES, LOGITS = "images", "logits"
"""Name of the first segment's input, and of the first output of each."""
BATCH = 3
"""Images that a segment is traced with; others than 1, which torch would take for a constant."""


class TracedSegment(NamedTuple):
    """A segment, and how its tensors are called: what one segment's output is called, the next one's input is."""

    number: int
    """Of the exit, from 1."""
    program: ExportedProgram
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    """`logits`, then the state that the next segment reads; the last one has none."""


def traced_segments(network: MultiExitNetwork, input_shape: tuple[int, int, int]) -> Iterator[TracedSegment]:
    """Yield the segments of a network for normalised images (K, H, W), BatchNorm folded, any number of images at once.

    Raises ValueError where the network cannot be computed exit by exit, or torch cannot trace it.
    """
    network = folded(network, torch.contiguous_format)
    carry = Carry((torch.zeros(BATCH, *input_shape),))
    inputs: tuple[str, ...] = (IMAGES,)
    for number in range(1, network.n_exits + 1):
        segment = _Segment(copy.deepcopy(network), number, carry.exit_output is not None)
        given = _flat(carry)
        with torch.no_grad(), _Used() as used:
            _, carry = segment.network.step(number, carry)
        _drop_unused(segment, used)
        n_after = 0 if segment.is_last else len(_flat(carry))
        outputs = (LOGITS, *(f"state_{number}_{place}" for place in range(1, n_after + 1)))
        yield TracedSegment(number, _traced(segment, given), inputs, outputs)
        inputs = outputs[1:]


class _Segment(nn.Module):
    """One step of a network, from tensors to tensors."""

    def __init__(self, network: MultiExitNetwork, number: int, reads_output: bool) -> None:
        super().__init__()
        self.network, self.number, self.reads_output = network, number, reads_output

    @property
    def is_last(self) -> bool:
        """Whether no segment follows."""
        return self.number == self.network.n_exits

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return logits_BC and the next state, the output that the next exit reads last."""
        carry = Carry(tensors[:-1], tensors[-1]) if self.reads_output else Carry(tensors)
        logits_BC, after = self.network.step(self.number, carry)
        return (logits_BC,) if self.is_last else (logits_BC, *_flat(after))


def _flat(carry: Carry) -> tuple[Tensor, ...]:
    return carry.state if carry.exit_output is None else (*carry.state, carry.exit_output)


class _Used(TorchFunctionMode):
    """Notes which tensors a computation looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[int] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note the tensors among the arguments."""
        self.ids.update(map(id, _tensors_in((args, kwargs or {}))))
        return func(*args, **(kwargs or {}))


def _tensors_in(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        yield from _tensors_in(tuple(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors_in(value)


def _drop_unused(segment: _Segment, used: _Used) -> None:
    """Take the weights of other segments away, which would be written into this one's file, too."""
    for module in segment.modules():
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in own:
            if id(tensor) not in used.ids:
                setattr(module, name, None)


def _traced(segment: _Segment, given: tuple[Tensor, ...]) -> ExportedProgram:
    any_number = Dim("batch", min=1)
    shapes = tuple({0: any_number} for _ in given)
    try:
        with torch.no_grad():
            program = torch.export.export(segment, given, dynamic_shapes=(shapes,), strict=False)
    except Exception as error:  # noqa: BLE001 - whatever a person's class does, it is one sentence
        said = cut(" ".join(str(error).split()), 300)
        raise ValueError(f"torch cannot trace exit {segment.number} of the network: {said}") from None
    program.example_inputs = None  # they would be written by pickle
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            for place in ("stack_trace", "from_node"):  # names of folders of this machine
                node.meta.pop(place, None)
    return program
