"""The fast kernels exit by exit: what has left a batch is computed no more, as soon as a block's images have."""

import torch
from torch import Tensor

from overthink.networks.fast.backbone import give
from overthink.networks.fast.library import Engine, Library
from overthink.networks.fast.plan import Plan
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.passage import Passage


class ExitByExit:
    """A network in evaluation mode on an engine with a stage an exit; valid until a weight changes."""

    def __init__(self, network: MultiExitNetwork, plan: Plan, library: Library, threads: int) -> None:
        assert all(operation.frozen for operation in plan.operations)
        self.network, self.plan, self.block = network, plan, library.built.images
        self.engine: Engine = library.engine(threads)
        for buffer in plan.buffers:
            self.engine.buffer(*buffer)
        for number, (operations, maps) in enumerate(zip(plan.stages(), plan.exports, strict=True)):
            if number:
                self.engine.stage()
            for operation in operations:
                give(self.engine, operation, {})
            self.engine.export(*maps[:3])
        self.engine.finish()
        self.engine.prepare(training=False)
        self.passes = 0

    def __call__(self, images_BKHW: Tensor) -> Passage:
        """Begin a passage; the one before it ends."""
        self.passes += 1
        return _NativePassage(self, images_BKHW)


class _NativePassage(Passage):
    """Samples keep their places in the engine until a block fewer can hold them: then those of the last blocks move."""

    def __init__(self, of: ExitByExit, images_BKHW: Tensor) -> None:
        self._of, self._pass = of, of.passes
        self._images: Tensor | None = images_BKHW.contiguous()
        self._place_M = torch.arange(len(images_BKHW))
        self._count = self._places = len(images_BKHW)
        self._number = 0
        self._exit_output: Tensor | None = None

    @torch.no_grad()
    def next_logits(self) -> Tensor:
        """Return logits_MC of the next exit: its maps by the kernels, its last layer by torch."""
        assert self._of.passes == self._pass, "a passage that another one ended"
        self._number += 1
        maps = self._of.plan.exports[self._number - 1]
        height, width, _ = self._of.plan.buffers[maps.buffer]
        maps_PFHW = torch.empty(self._places, maps.channels, height, width)
        if self._images is None:
            self._of.engine.next([maps_PFHW])
        else:
            self._of.engine.forward(self._images, [maps_PFHW], training=False)
            self._images = None
        maps_MFHW = maps_PFHW if len(self._place_M) == self._count else maps_PFHW[self._place_M]
        logits_MC, self._exit_output = self._of.network.logits_of_map(self._number, maps_MFHW, self._exit_output)
        return logits_MC

    def keep(self, rows_M: Tensor) -> None:
        """Let all but these rows of the samples leave."""
        assert self._of.passes == self._pass, "a passage that another one ended"
        self._place_M = self._place_M[rows_M]
        if self._exit_output is not None:
            self._exit_output = self._exit_output[rows_M]
        places = -(-len(rows_M) // self._of.block) * self._of.block
        if 0 < places < self._places:
            self._move_below(places)

    def _move_below(self, places: int) -> None:
        moves_M = self._place_M >= places
        free = torch.ones(places, dtype=torch.bool)
        free[self._place_M[~moves_M]] = False
        sources = self._place_M[moves_M]
        targets = free.nonzero()[: len(sources), 0]
        self._of.engine.move(sources.tolist(), targets.tolist(), places)
        self._place_M[moves_M] = targets
        self._places = places
