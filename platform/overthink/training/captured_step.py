"""A training step recorded once and replayed, so that a GPU does not wait for a launch of each of its operations.

Its logic is tested on a CPU, with a stand-in for the graph; what it gains is in docs/gpu.md.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from overthink.training.step import Sums, TrainingStep

WARM = 3
"""Steps that are taken one operation at a time before the recording: libraries choose their algorithms there."""
Replay = Callable[[], None]


def cuda_graph(work: Replay) -> Replay:
    """Record work on a CUDA device without executing it, and return what executes it."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    return graph.replay


class CapturedStep:
    """Takes the same steps as a `TrainingStep`: batches like the first are replayed, others are taken as they are.

    It holds the learning rate, the loss and the parameters that it was recorded with.
    """

    def __init__(self, step: TrainingStep, record: Callable[[Replay], Replay] = cuda_graph) -> None:
        self._step, self._record = step, record
        self._batch: tuple[Tensor, Tensor] | None = None
        self._replay: Replay | None = None
        self._taken = 0

    @property
    def sums(self) -> Sums:
        """What the steps since `restart` add up."""
        return self._step.sums

    def restart(self) -> None:
        """Add up from nothing again."""
        self.sums.loss.zero_()
        self.sums.right_E.zero_()

    def __call__(self, images_BKHW: Tensor, labels_B: Tensor) -> None:
        """Take a step."""
        if self._batch is None:
            self._batch = images_BKHW.clone(), labels_B.clone()
        images, labels = self._batch
        if images_BKHW.shape != images.shape or self._taken < WARM:
            self._taken += 1
            _beside(images_BKHW.device, lambda: self._step(images_BKHW, labels_B))
            return
        images.copy_(images_BKHW)
        labels.copy_(labels_B)
        if self._replay is None:
            self._replay = self._record(lambda: self._step(images, labels))
        self._replay()


class LastCapture:
    """Keeps one recording, for the epochs that take the same steps."""

    def __init__(self) -> None:
        self._settings: object = None
        self._captured: CapturedStep | None = None

    def of(self, settings: object, step: TrainingStep) -> CapturedStep:
        """Return the captured step, a new one where `settings` differ from those of the last epoch."""
        if self._captured is None or settings != self._settings:
            self._captured = None  # first: it holds memory
            self._settings, self._captured = settings, CapturedStep(step)
        self._captured.restart()
        return self._captured


def _beside(device: torch.device, work: Replay) -> None:
    """Do work that is not recorded on a stream of its own, as recording asks for."""
    if device.type != "cuda":
        work()
        return
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream(device).wait_stream(stream)
