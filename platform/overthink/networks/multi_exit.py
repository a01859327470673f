"""Multi-exit networks: a sequence of blocks with an exit after each."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple, cast

from torch import Tensor, nn

from overthink.networks.gradient_equilibrium import balanced

State = tuple[Tensor, ...]
"""Feature maps between blocks, finest scale first, each (B, channels, height, width); at first the images."""
Part = tuple[nn.Module, ...]


class Carry(NamedTuple):
    """What one step passes to the next (the carry of a scan), a row per sample; before the first step, the images."""

    state: State
    exit_output: Tensor | None = None
    """Output of the exit that the next exit reads too, in networks with collaboration between exits."""

    def rows(self, rows_M: Tensor) -> "Carry":
        """Return some of the samples."""
        exit_output = None if self.exit_output is None else self.exit_output[rows_M]
        return Carry(tuple(features[rows_M] for features in self.state), exit_output)


class MapFeatures(nn.Module, ABC):
    """Features pooled from maps, which a collaboration between exits can read, too."""

    channels: int | None = None
    """Channels of the maps; None where there are as many as features."""

    @abstractmethod
    def maps(self, state: State) -> Tensor:
        """Return maps_BFHW."""

    @abstractmethod
    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF of maps."""

    def forward(self, state: State) -> Tensor:
        """Return features_BF."""
        return self.pooled(self.maps(state))


class Reading(NamedTuple):
    """What an exit has read of a state."""

    features_BF: Tensor
    maps_BFHW: Tensor | None
    """The maps that the features are pooled from; None where there are none."""


class ExitHead(nn.Module):
    """An exit in two parts, features and a last layer on them, so that other features can be added between them."""

    def __init__(self, features: nn.Module, width: int, n_classes: int) -> None:
        super().__init__()
        self.features = features
        """State -> features_BF."""
        self.classify = nn.Linear(width, n_classes)
        self.width = width
        """F, the number of features."""

    def read(self, state: State) -> Reading:
        """Return what the exit reads of a state."""
        if not isinstance(self.features, MapFeatures):
            return Reading(self.features(state), None)
        return self.pooled(self.features.maps(state))

    def pooled(self, maps_BFHW: Tensor) -> Reading:
        """Return what the exit reads of a state whose maps are given."""
        assert isinstance(self.features, MapFeatures)
        return Reading(self.features.pooled(maps_BFHW), maps_BFHW)

    def forward(self, state: State) -> Tensor:
        """Return logits_BC."""
        return cast(Tensor, self.classify(self.read(state).features_BF))


class MultiExitNetwork(nn.Module, ABC):
    """Blocks 1..E and exits 1..E. Block i maps the state after block i-1 (first: the images) to the next state.

    With `equilibrium`, gradients are balanced between exits (see `gradient_equilibrium`); outputs are the same bits.
    """

    blocks: nn.ModuleList
    exits: nn.ModuleList
    can_fold: ClassVar[bool] = True
    """Whether a BatchNorm after a layer in an nn.Sequential always reads what that layer returns, and nothing else."""

    @property
    def has_step(self) -> bool:
        """Whether its exits can be computed one after the other."""
        return True

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about its cost; a sentence each."""
        return ()

    @property
    def obstacle_to_kernels(self) -> str | None:
        """What native kernels cannot compute of it, where that is known without looking at its layers."""
        return None

    def parameters_by_exit(self) -> list[list[nn.Parameter]]:
        """Return for each exit the weights that it needs in addition to those of the exits before it."""
        return [[weight for module in part for weight in module.parameters()] for part in self.parts]

    def mul_adds_by_exit(self, input_shape: tuple[int, int, int]) -> list[int] | None:
        """Return MUL-ADDs that each exit adds for one image; None where they are counted as exits are computed."""
        return None

    @property
    def n_exits(self) -> int:
        """E."""
        return len(self.exits)

    @property
    def n_classes(self) -> int:
        """C."""
        return cast(ExitHead, self.exits[-1]).classify.out_features

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """For each exit, the modules that it needs in addition to those of the exits before it."""

    @abstractmethod
    def exit_logits(self, number: int, reading: Reading, earlier_output: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return logits_BC of exit `number` (from 1) and the output that the next exit reads.

        The outputs are None in networks without connections between exits.
        """

    @property
    @abstractmethod
    def last_exit_reads(self) -> tuple[int, ...]:
        """Numbers, from 1, of the exits that the last one's logits need: its own, and those that it reads."""

    @abstractmethod
    def last_logits(self, images_BKHW: Tensor) -> Tensor:
        """Return logits_BC of the last exit, computing no more than they need."""

    def step(self, number: int, carry: Carry, equilibrium: bool = False) -> tuple[Tensor, Carry]:
        """Return logits_BC of exit `number` (from 1), and the carry to the next step."""
        read, state = self.through_block(number, carry.state, equilibrium)
        head = cast(ExitHead, self.exits[number - 1])
        logits_BC, exit_output = self.exit_logits(number, head.read(read), carry.exit_output)
        return logits_BC, Carry(state, exit_output)

    def logits_of_maps(self, maps: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield logits_BC exit by exit from the maps_BFHW that each exit pools, computed elsewhere."""
        exit_output: Tensor | None = None
        for number, maps_BFHW in enumerate(maps, 1):
            logits_BC, exit_output = self.logits_of_map(number, maps_BFHW, exit_output)
            yield logits_BC

    def logits_of_map(
        self, number: int, maps_BFHW: Tensor, earlier_output: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return what `exit_logits` does, from the maps that exit `number` (from 1) pools."""
        return self.exit_logits(number, cast(ExitHead, self.exits[number - 1]).pooled(maps_BFHW), earlier_output)

    def logits(self, images_BKHW: Tensor, equilibrium: bool = False) -> Iterator[Tensor]:
        """Yield logits_BC exit by exit; later exits are computed only when they are requested."""
        carry = Carry((images_BKHW,))
        for number in range(1, self.n_exits + 1):
            logits_BC, carry = self.step(number, carry, equilibrium)
            yield logits_BC

    def states(self, images_BKHW: Tensor) -> Iterator[State]:
        """Yield the state that each exit reads; later blocks are computed only when they are requested."""
        state: State = (images_BKHW,)
        for number in range(1, self.n_exits + 1):
            read, state = self.through_block(number, state, equilibrium=False)
            yield read

    def through_block(self, number: int, state: State, equilibrium: bool) -> tuple[State, State]:
        """Return what exit `number` (from 1) reads, and what the next block reads."""
        state = self.blocks[number - 1](state)
        return balanced(state, number, self.n_exits) if equilibrium else (state, state)

    def forward(self, images_BKHW: Tensor, equilibrium: bool = False) -> tuple[Tensor, ...]:
        """Return logits_BC of exits 1..E."""
        return tuple(self.logits(images_BKHW, equilibrium))


class PlainNetwork(MultiExitNetwork):
    """A network without connections between exits; they only share blocks."""

    def __init__(self, blocks: list[nn.Module], exits: list[ExitHead]) -> None:
        super().__init__()
        assert len(blocks) == len(exits)
        self.blocks = nn.ModuleList(blocks)
        self.exits = nn.ModuleList(exits)

    @property
    def parts(self) -> tuple[Part, ...]:
        """For each exit, its block and its head."""
        return tuple(zip(self.blocks, self.exits, strict=True))

    def exit_logits(self, number: int, reading: Reading, earlier_output: Tensor | None) -> tuple[Tensor, None]:
        """Return logits_BC of exit `number` (from 1)."""
        return cast(ExitHead, self.exits[number - 1]).classify(reading.features_BF), None

    @property
    def last_exit_reads(self) -> tuple[int, ...]:
        """The last exit alone."""
        return (self.n_exits,)

    def last_logits(self, images_BKHW: Tensor) -> Tensor:
        """Return logits_BC of the last exit; the other exits are not computed."""
        for state in self.states(images_BKHW):  # one at a time, since all together need much memory
            last = state
        return cast(Tensor, self.exits[-1](last))
