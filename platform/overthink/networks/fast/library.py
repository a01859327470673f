"""The kernels as Python calls them. An engine holds the plan of one network, its memory and its threads.

Whoever makes the plan checks its numbers. Tensors are float32, contiguous and on the CPU; an engine keeps those of its
parts.
"""

import ctypes
import weakref
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from overthink.networks.fast.build import BuiltKernels
from overthink.networks.fast.compiler import KernelsUnavailableError

_POINTER, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_float
_DECLARED = {
    "engine_new": ([_INT], _POINTER),
    "engine_free": ([_POINTER], None),
    "engine_threads": ([_POINTER, _INT], None),
    "engine_buffer": ([_POINTER, *[_INT] * 3], _INT),
    "engine_operation": ([_POINTER, *[_INT] * 6, _FLOAT, _FLOAT, _INT, _FLOAT], _INT),
    "engine_stage": ([_POINTER], None),
    "engine_depthwise": ([_POINTER, _INT], None),
    "engine_pool": ([_POINTER, *[_INT] * 10], None),
    "engine_part": ([_POINTER, *[_INT] * 4, _FLOAT, _POINTER], None),
    "engine_shortcut": ([_POINTER, *[_INT] * 3], None),
    "engine_linear": ([_POINTER, _INT], None),
    "engine_export": ([_POINTER, *[_INT] * 3], None),
    "engine_finish": ([_POINTER], None),
    "engine_prepare": ([_POINTER, _INT], None),
    "engine_forward": ([_POINTER, _POINTER, _INT, _INT, _POINTER], _INT),
    "engine_next": ([_POINTER, _POINTER], None),
    "engine_move": ([_POINTER, _INT, _POINTER, _POINTER, _INT], None),
    "engine_backward": ([_POINTER, _POINTER], None),
    "engine_sgd": ([_POINTER, _INT, *[_POINTER] * 4, _FLOAT, _FLOAT, _FLOAT, _INT], None),
}

Slice = tuple[int, int, int]
"""A buffer, its first channel that is meant, and how many."""


class Library:
    """Kernels that were built, loaded into this process."""

    def __init__(self, built: BuiltKernels) -> None:
        """Raise KernelsUnavailableError where they cannot be loaded, such as from a folder mounted noexec."""
        self.built = built
        self._calls = _loaded(built.path)
        self._descents: dict[int, Engine] = {}

    def engine(self, threads: int) -> "Engine":
        """Return a new engine, whose plan is still to be given."""
        return Engine(self._calls, threads)

    def sgd(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        momenta: Sequence[Tensor],
        lr: float,
        momentum: float,
        weight_decay: float,
        threads: int,
    ) -> None:
        """Take a step as torch.optim.SGD does; a momentum of 0 is what that has before its first."""
        if threads not in self._descents:
            self._descents[threads] = self.engine(threads)
        sizes = [weight.numel() for weight in weights]
        assert sizes == [one.numel() for one in gradients] == [one.numel() for one in momenta]
        counts = (ctypes.c_int64 * len(sizes))(*sizes)
        addresses = ([one.data_ptr() for one in tensors] for tensors in (weights, gradients, momenta))
        arrays = ((_POINTER * len(sizes))(*of_tensors) for of_tensors in addresses)
        engine = self._descents[threads]
        self._calls.engine_sgd(engine.handle, len(sizes), counts, *arrays, lr, momentum, weight_decay, False)


class Engine:
    """A network's plan, given call by call and ended by finish(), and the passes over it."""

    def __init__(self, calls: ctypes.CDLL, threads: int) -> None:
        self._calls = calls
        self.handle: int = calls.engine_new(threads)
        self._kept: list[Sequence[Tensor | None]] = []  # the engine holds their addresses
        weakref.finalize(self, calls.engine_free, self.handle)

    def set_threads(self, threads: int) -> None:
        """Share the work among so many threads, which changes no bit of any result."""
        self._calls.engine_threads(self.handle, threads)

    def buffer(self, height: int, width: int, channels: int) -> int:
        """Add a buffer of maps and return its number; the first, number 0, takes the images."""
        return int(self._calls.engine_buffer(self.handle, height, width, channels))

    def operation(
        self,
        geometry: tuple[int, int, int],
        reads: Slice,
        constants: tuple[float, float],
        frozen: bool = False,
        read_gain: float = 1.0,
    ) -> int:
        """Add convolutions that read the same maps, and return their number.

        `geometry` is kernel size, stride and padding; `constants` are BatchNorm's momentum and epsilon. Where `frozen`,
        BatchNorm is by its running statistics, and gradients end there.
        """
        return int(self._calls.engine_operation(self.handle, *geometry, *reads, *constants, frozen, read_gain))

    def part(self, operation: int, writes: Slice, written_gain: float, tensors: Sequence[Tensor | None]) -> None:
        """Add a convolution with BatchNorm and ReLU to an operation.

        `tensors` are weight, its gradient, gamma, beta, gamma's gradient, beta's gradient, running mean and variance;
        no gradients where the operation is frozen. What a reader adds to the gradient of the maps that are written is
        multiplied by the reader's gain and divided by `written_gain`.
        """
        assert len(tensors) == 8
        self._kept.append(tensors)
        buffer, first, channels = writes
        part = (operation, channels, buffer, first, written_gain)
        self._calls.engine_part(self.handle, *part, _addresses(tensors))

    def depthwise(self, operation: int) -> None:
        """Let the operation's convolution, its only part, be depthwise; it has as many outputs as it reads channels."""
        self._calls.engine_depthwise(self.handle, operation)

    def pool(self, geometry: tuple[int, int, int], reads: Slice, writes: Slice, *, mean: bool, frozen: bool) -> None:
        """Add a pooling, by the largest or by the mean of all taps, padding included.

        `writes` has as many channels as `reads`. Where `frozen`, gradients end there.
        """
        assert reads[2] == writes[2]
        self._calls.engine_pool(self.handle, *geometry, *reads, *writes[:2], mean, frozen)

    def stage(self) -> None:
        """Begin the next stage: what is added from here on is not computed by `forward` but by `next`."""
        self._calls.engine_stage(self.handle)

    def shortcut(self, operation: int, buffer: int, first: int) -> None:
        """Add a buffer's channels from `first` on to the operation's last part before its ReLU.

        They are the shortcut of no other part. A shortcut's gradient has no gain.
        """
        self._calls.engine_shortcut(self.handle, operation, buffer, first)

    def linear(self, operation: int) -> None:
        """Leave out the ReLU of the operation's last part."""
        self._calls.engine_linear(self.handle, operation)

    def export(self, buffer: int, first: int, channels: int) -> None:
        """Hand out these maps in each forward pass, in the order of calls, and take their gradients."""
        self._calls.engine_export(self.handle, buffer, first, channels)

    def finish(self) -> None:
        """End the plan."""
        self._calls.engine_finish(self.handle)

    def prepare(self, *, training: bool) -> None:
        """Take the weights as they are now: before each training step, and before an evaluation."""
        self._calls.engine_prepare(self.handle, training)

    def forward(self, images_BKHW: Tensor, maps_BFHW: Sequence[Tensor], training: bool) -> None:
        """Write the maps of images that the first stage exports; raises MemoryError where there is none for so many."""
        images, maps = _address(images_BKHW), _addresses(maps_BFHW)
        if not self._calls.engine_forward(self.handle, images, len(images_BKHW), training, maps):
            raise MemoryError(f"no memory for the maps of {len(images_BKHW)} images")

    def next(self, maps_PFHW: Sequence[Tensor]) -> None:
        """Write the maps that the next stage exports, of all P places that are computed; in evaluation alone."""
        self._calls.engine_next(self.handle, _addresses(maps_PFHW))

    def move(self, sources: Sequence[int], targets: Sequence[int], left: int) -> None:
        """Copy images between stages, from places to others, and compute places 0 to `left` - 1 alone from here on.

        All places are among those that were computed until now.
        """
        assert len(sources) == len(targets)
        places = [(ctypes.c_int * len(numbers))(*numbers) for numbers in (sources, targets)]
        self._calls.engine_move(self.handle, len(sources), *places, left)

    def backward(self, gradients_BFHW: Sequence[Tensor | None]) -> None:
        """Write the gradients of all weights, from those of the maps of the last training pass (None: zero)."""
        self._calls.engine_backward(self.handle, _addresses(gradients_BFHW))


def _address(tensor: Tensor) -> int:
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    assert tensor.is_cpu
    return tensor.data_ptr()


def _addresses(tensors: Sequence[Tensor | None]) -> "ctypes.Array[ctypes.c_void_p]":
    return (_POINTER * len(tensors))(*[None if tensor is None else _address(tensor) for tensor in tensors])


def _loaded(path: Path) -> ctypes.CDLL:
    try:
        calls = ctypes.CDLL(str(path))
    except OSError as error:
        remedy = f"remove {path} to build them anew"
        raise KernelsUnavailableError(f"the kernels cannot be loaded: {error}; {remedy}") from error
    for name, (arguments, result) in _DECLARED.items():
        call = getattr(calls, name)
        call.argtypes, call.restype = arguments, result
    return calls
